-- One row per change of a generation's state. Rows are only added, each under a deduplication token of its own, so that
-- of two programs that make the same change at once the first one's row stays and the other's is dropped.

-- +goose Up
CREATE TABLE IF NOT EXISTS generations
(
    view        String,
    generation  UInt32,
    change      UInt32                 COMMENT 'Counts the changes of this generation, from 0',
    revision    UInt32                 COMMENT 'Of the mapping that filled it',
    state       LowCardinality(String) COMMENT 'serving: the public names show it',
    incarnation UUID                   COMMENT 'Names the consumer groups that fill it: a generation made anew is filled anew',
    changed_at  DateTime64(3, 'UTC')   DEFAULT now64(3)
)
ENGINE = MergeTree
ORDER BY (view, generation, change)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Every generation of every view and what became of it';

-- +goose Down
DROP TABLE generations;
