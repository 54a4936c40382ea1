-- One row per object version: its receipt, and the event that created it.
--
-- A full outer join on bucket, key and version ID, so that versions that lack one of the two are included. `evidence`
-- says which of the two exist:
--   complete       both
--   receipt only   CloudTrail has not delivered yet (minutes), or the version is older than the trail or its retention
--   event only     no receipt yet: wait some minutes, then run `sluice provenance backfill`
-- Events are successful requests that created a version under a watched prefix, by any of the operations that create
-- objects. Folder markers (an empty object whose key ends with a slash) get no receipt and are not listed.
-- If a version has several receipts, `hashed` takes precedence over `gone`, and `gone` over `deferred` and `unreadable`.
-- A version that was deleted before its version ID was known has the version ID ''; its sequencer distinguishes it.
WITH receipt AS (
  SELECT *
  FROM (
    SELECT
      *,
      row_number() OVER (
        PARTITION BY bucket, key, version_id, CASE WHEN version_id = '' THEN coalesce(sequencer, etag) END
        ORDER BY CASE state WHEN 'hashed' THEN 1 WHEN 'gone' THEN 2 ELSE 3 END
      ) AS ordinal
    FROM receipts
    -- A file that is not a receipt is a row of nulls.
    WHERE bucket IS NOT NULL
  )
  WHERE ordinal = 1
),
created AS (
  SELECT *
  FROM (
    SELECT
      *,
      row_number() OVER (PARTITION BY bucket_name, object_key, version_id ORDER BY eventTime, event_id) AS ordinal
    FROM cloudtrail_s3_events_flattened
    WHERE eventName IN ('PutObject', 'PostObject', 'CopyObject', 'CompleteMultipartUpload')
      AND error_code IS NULL
      AND (
        ${watched}
      )
  )
  WHERE ordinal = 1
)
SELECT
  coalesce(receipt.bucket, created.bucket_name) AS bucket_name,
  coalesce(receipt.key, created.object_key) AS object_key,
  coalesce(receipt.version_id, created.version_id) AS version_id,
  CASE
    WHEN created.bucket_name IS NULL THEN 'receipt only'
    WHEN receipt.bucket IS NULL THEN 'event only'
    ELSE 'complete'
  END AS evidence,
  receipt.state AS state,
  receipt.sha256 AS sha256,
  receipt.size AS size,
  receipt.etag AS etag,
  receipt.s3_checksum AS s3_checksum,
  receipt.s3_checksum_algorithm AS s3_checksum_algorithm,
  receipt.s3_checksum_type AS s3_checksum_type,
  created.who AS who,
  created.user_arn AS user_arn,
  created.mfa AS mfa,
  created.eventName AS event_name,
  created.copied_from AS copied_from,
  coalesce(created.eventTime, receipt.event_time) AS event_time,
  receipt.last_modified AS last_modified,
  receipt.recorded_at AS recorded_at,
  created.source_ip AS source_ip,
  created.vpc_endpoint AS vpc_endpoint,
  created.region AS region,
  created.user_agent AS user_agent,
  created.encryption AS encryption,
  created.kms_key AS kms_key,
  created.request_id AS request_id,
  created.event_id AS event_id,
  coalesce(receipt.pinned_late, false) AS pinned_late
FROM receipt
FULL OUTER JOIN created
  ON receipt.bucket = created.bucket_name
  AND receipt.key = created.object_key
  AND receipt.version_id = created.version_id
WHERE receipt.bucket IS NOT NULL
  OR NOT (created.object_key LIKE '%/' AND coalesce(created.bytes_in, 0) = 0)
