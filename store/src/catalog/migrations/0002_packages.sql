-- The exact versions of the npm packages of a draft and of every release, as JSON text; null without packages.

ALTER TABLE integrations ADD COLUMN draft_packages TEXT;
ALTER TABLE releases ADD COLUMN packages TEXT;
