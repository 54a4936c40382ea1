-- One row per S3 data event in the CloudTrail logs: which principal accessed which version of which object.
--
-- Includes reads and failed requests (error_code). An event that CloudTrail delivers twice is one row. Events are
-- delivered some minutes after the request. Times are UTC in ISO 8601 text, so they sort in order of time.
-- `region` and `day` (yyyy/MM/dd) are the partition keys: filter on `day` to reduce the data scanned.
SELECT DISTINCT
  eventtime AS eventTime,
  eventname AS eventName,
  useridentity.arn AS user_arn,
  json_extract_scalar(requestparameters, '$.bucketName') AS bucket_name,
  -- A browser-based upload (POST) may have no key in its parameters; the resource ARN arn:…:s3:::bucket/key has it.
  coalesce(
    json_extract_scalar(requestparameters, '$.key'),
    nullif(regexp_extract(element_at(filter(resources, r -> r.type = 'AWS::S3::Object'), 1).arn, '^arn:[^:]*:s3:::[^/]+/(.+)$', 1), '')
  ) AS object_key,
  -- The version that was created or deleted; for a read, the requested version.
  coalesce(
    json_extract_scalar(responseelements, '$["x-amz-version-id"]'),
    json_extract_scalar(requestparameters, '$.versionId')
  ) AS version_id,
  -- For assumed roles, including IAM Identity Center, the session name identifies the person.
  coalesce(
    useridentity.username,
    nullif(regexp_extract(useridentity.arn, ':(?:assumed-role/[^/]+|federated-user)/(.+)$', 1), ''),
    CASE WHEN useridentity.accountid = 'ANONYMOUS_PRINCIPAL' THEN 'anonymous' END,
    useridentity.arn,
    useridentity.invokedby,
    nullif(useridentity.principalid, ''),
    useridentity.accountid
  ) AS who,
  useridentity.type AS user_type,
  useridentity.accountid AS user_account,
  useridentity.sessioncontext.attributes.mfaauthenticated AS mfa,
  sourceipaddress AS source_ip,
  vpcendpointid AS vpc_endpoint,
  useragent AS user_agent,
  CAST(TRY_CAST(json_extract_scalar(additionaleventdata, '$.bytesTransferredIn') AS double) AS bigint) AS bytes_in,
  CAST(TRY_CAST(json_extract_scalar(additionaleventdata, '$.bytesTransferredOut') AS double) AS bigint) AS bytes_out,
  coalesce(
    json_extract_scalar(responseelements, '$["x-amz-server-side-encryption"]'),
    json_extract_scalar(additionaleventdata, '$.SSEApplied')
  ) AS encryption,
  json_extract_scalar(responseelements, '$["x-amz-server-side-encryption-aws-kms-key-id"]') AS kms_key,
  json_extract_scalar(requestparameters, '$["x-amz-copy-source"]') AS copied_from,
  nullif(errorcode, '') AS error_code,
  readonly AS read_only,
  requestid AS request_id,
  eventid AS event_id,
  region,
  day
FROM cloudtrail_logs
WHERE eventsource = 's3.amazonaws.com'
