-- One row per S3 event, as CloudTrail logged it: who did what to which version of which object.
--
-- Every event is here, reads and refusals too (error_code). CloudTrail may deliver an event twice; it is one row.
-- Events arrive some minutes after the fact. Times are UTC, as text, so that they sort as they are.
-- `region` and `day` (yyyy/MM/dd) are the partitions: a filter on `day` is what keeps a query small.
SELECT DISTINCT
  eventtime AS eventTime,
  eventname AS eventName,
  useridentity.arn AS user_arn,
  json_extract_scalar(requestparameters, '$.bucketName') AS bucket_name,
  -- A form upload may leave its key out of the parameters; the resource has it after arn:…:s3:::bucket/.
  coalesce(
    json_extract_scalar(requestparameters, '$.key'),
    nullif(regexp_extract(element_at(filter(resources, r -> r.type = 'AWS::S3::Object'), 1).arn, '^arn:[^:]*:s3:::[^/]+/(.+)$', 1), '')
  ) AS object_key,
  -- The version that was made or removed; of a read, the one that was asked for.
  coalesce(
    json_extract_scalar(responseelements, '$["x-amz-version-id"]'),
    json_extract_scalar(requestparameters, '$.versionId')
  ) AS version_id,
  -- A person behind single sign-on, like anybody in a role, is the name of the session.
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
