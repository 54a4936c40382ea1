-- Uploads to the bucket, latest first, by every operation that creates objects: PutObject alone would miss multipart
-- uploads, copies and browser-based uploads. Add `AND day >= 'yyyy/MM/dd'` to reduce the data scanned.
SELECT eventTime, eventName, user_arn, bucket_name, object_key
FROM cloudtrail_s3_events_flattened
WHERE bucket_name = '${bucket}'
  AND eventName IN ('PutObject', 'PostObject', 'CopyObject', 'CompleteMultipartUpload')
ORDER BY eventTime DESC
