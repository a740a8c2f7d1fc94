-- Keys that web pages show to everyone, and what an API key may do in a second.

-- 1: it only executes, schedules, reschedules and cancels.
ALTER TABLE api_keys ADD COLUMN publishable BIGINT NOT NULL DEFAULT 0;
-- 1: a publishable key that may name jobs by a part of their key.
ALTER TABLE api_keys ADD COLUMN may_match BIGINT NOT NULL DEFAULT 0;
-- All null: the rate that keys have by default.
ALTER TABLE api_keys ADD COLUMN rate_limit BIGINT;
ALTER TABLE api_keys ADD COLUMN rate_interval_ms BIGINT;
ALTER TABLE api_keys ADD COLUMN rate_burst BIGINT;
