-- Object versions without a hash or without an event, latest first.
-- Recent rows are expected, because events and receipts take some minutes to arrive.
SELECT evidence, state, bucket_name, object_key, version_id, who, event_time, recorded_at
FROM provenance_ledger
WHERE evidence <> 'complete' OR state <> 'hashed'
ORDER BY coalesce(event_time, recorded_at) DESC
