-- What was put in the bucket, latest first. Every way to create an object is asked for: PutObject alone misses
-- large files, copies and form uploads. Add `AND day >= 'yyyy/MM/dd'` to read less.
SELECT eventTime, eventName, user_arn, bucket_name, object_key
FROM cloudtrail_s3_events_flattened
WHERE bucket_name = '${bucket}'
  AND eventName IN ('PutObject', 'PostObject', 'CopyObject', 'CompleteMultipartUpload')
ORDER BY eventTime DESC
