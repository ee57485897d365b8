-- What a rebuild leaves behind for whoever goes on with it: what a generation is made of, and who is at work on a view.

-- +goose Up
ALTER TABLE generations
    ADD COLUMN IF NOT EXISTS objects Array(String) COMMENT 'Its tables and materialized views, in the order they were made; in the first change only',
    ADD COLUMN IF NOT EXISTS public  Array(String) COMMENT 'The statements that make the public names show it; in the first change only',
    ADD COLUMN IF NOT EXISTS plan    String        COMMENT 'How it is filled, as JSON; in the first change only',
    MODIFY COLUMN state LowCardinality(String) COMMENT 'building, following, switching, serving (the public names show it), kept or dropped';

CREATE TABLE IF NOT EXISTS claims
(
    name       String               COMMENT 'What is claimed',
    turn       UInt64               COMMENT 'Counts the claims and their renewals: two at once have one number, and one of them is dropped',
    holder     String               COMMENT 'Tells two processes of one name apart',
    who        String               COMMENT 'For people',
    since      DateTime64(3, 'UTC') COMMENT 'When the holder claimed it',
    expires_at DateTime64(3, 'UTC') COMMENT 'By the clock of the server'
)
ENGINE = ReplacingMergeTree(turn)
ORDER BY name
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Who is at work on what, so that nobody else begins; a claim that is not renewed ends by itself';

-- +goose Down
DROP TABLE claims;
ALTER TABLE generations DROP COLUMN objects, DROP COLUMN public, DROP COLUMN plan;
