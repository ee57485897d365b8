-- customers: whom the bank knows, put together from the newest of what each version told.
--
-- An event tells only what it changed, so that personal data is not copied into every later event. A table that keeps
-- the newest row alone would forget the rest, so this one keeps every row (a customer has few) and the view takes each
-- field from the newest version that speaks of it.

-- recount:tables
CREATE TABLE IF NOT EXISTS {{.Database}}.customers_g{{.Generation}}
(
    context     LowCardinality(String),
    customer_id String,
    version     UInt64                 CODEC(Delta, ZSTD),
    valid_at    DateTime64(3, 'UTC')   CODEC(Delta, ZSTD),
    recorded_at DateTime64(3, 'UTC')   CODEC(Delta, ZSTD),
    partition   Int32,
    offset      Int64                  CODEC(Delta, ZSTD),
    name        String                 COMMENT 'Empty where the version does not speak of it; told with email',
    email       String,
    street      String                 COMMENT 'The four fields of an address are told together',
    city        String,
    postal_code String,
    country     LowCardinality(String) COMMENT 'ISO 3166-1; empty where the version does not speak of the address',
    status      LowCardinality(String) COMMENT 'Empty where the version does not speak of it'
)
ENGINE = {{mergetree}}
ORDER BY (customer_id, version)
SETTINGS {{settings}};

-- recount:public
CREATE OR REPLACE VIEW {{.Database}}.customers AS
SELECT
    c.customer_id                                       AS customer_id,
    argMaxIf(c.name, c.version, c.name != '')           AS name,
    argMaxIf(c.email, c.version, c.name != '')          AS email,
    argMaxIf(c.street, c.version, c.country != '')      AS street,
    argMaxIf(c.city, c.version, c.country != '')        AS city,
    argMaxIf(c.postal_code, c.version, c.country != '') AS postal_code,
    argMaxIf(c.country, c.version, c.country != '')     AS country,
    argMaxIf(c.status, c.version, c.status != '')       AS status,
    max(c.version)                                      AS version,
    argMax(c.valid_at, c.version)                       AS valid_at,
    argMax(c.recorded_at, c.version)                    AS recorded_at,
    argMax(concat(c.context, '/', c.partition, '@', c.offset), c.version) AS position
FROM {{.Database}}.customers_g{{.Generation}} AS c
GROUP BY c.customer_id
COMMENT 'Every customer by the newest of what is known';
