-- Lanes that keep their order: while a job of one waits for a retry, the others wait for it.

ALTER TABLE integrations ADD COLUMN lane_fifo INTEGER NOT NULL DEFAULT 0;

CREATE INDEX jobs_retrying ON jobs (integration, lane, due, id) WHERE state = 0 AND attempt > 0;
