-- Whom ClickHouse serves for Recount, and what each may do: as little as the role needs. Run it once, as somebody who may
-- make users; on a cluster add ON CLUSTER '{cluster}' behind each name. Choose passwords of your own first. The database is
-- made here, so that no program needs the right to make one.

CREATE DATABASE IF NOT EXISTS recount;

-- projectors run, rebuild, rollback, drop and parked: they own the tables.
CREATE ROLE IF NOT EXISTS recount_writes;
GRANT SELECT, INSERT, TRUNCATE, CREATE TABLE, CREATE VIEW, DROP TABLE, DROP VIEW, SHOW ON recount.* TO recount_writes;
GRANT ALTER ADD COLUMN, ALTER MODIFY COLUMN, ALTER DROP COLUMN, ALTER DELETE, ALTER SETTINGS ON recount.* TO recount_writes;
GRANT SELECT ON system.databases TO recount_writes;
GRANT SELECT ON system.tables TO recount_writes;
GRANT SELECT ON system.columns TO recount_writes;
GRANT SELECT ON system.merge_tree_settings TO recount_writes;
GRANT SELECT ON system.replicated_merge_tree_settings TO recount_writes;

-- ingest serve, which looks outcomes up, and status.
CREATE ROLE IF NOT EXISTS recount_reads;
GRANT SELECT, SHOW ON recount.* TO recount_reads;
GRANT SELECT ON system.databases TO recount_reads;

-- Analysts: they read and may set what concerns their own query, and one of them can't take the whole machine. A view runs
-- with the rights of who asks it, so they may read the tables behind it too.
CREATE SETTINGS PROFILE IF NOT EXISTS recount_analysts SETTINGS readonly = 2, max_execution_time = 300, max_memory_usage = 8000000000;
CREATE ROLE IF NOT EXISTS recount_analyses SETTINGS PROFILE 'recount_analysts';
GRANT SELECT, SHOW ON recount.* TO recount_analyses;

CREATE USER IF NOT EXISTS recount_projectors IDENTIFIED WITH sha256_password BY 'choose one' DEFAULT ROLE recount_writes;
CREATE USER IF NOT EXISTS recount_ingest IDENTIFIED WITH sha256_password BY 'choose another' DEFAULT ROLE recount_reads;
CREATE USER IF NOT EXISTS recount_analyst IDENTIFIED WITH sha256_password BY 'choose a third' DEFAULT ROLE recount_analyses;
GRANT recount_writes TO recount_projectors;
GRANT recount_reads TO recount_ingest;
GRANT recount_analyses TO recount_analyst;
