# Columns of the Glue tables, with Hive types.

locals {
  # The fields of a CloudTrail record that S3 data events have. Request parameters and response elements differ by
  # call and are kept as JSON text.
  trail_columns = [
    ["eventversion", "string"],
    ["useridentity", join("", [
      "struct<type:string,principalid:string,arn:string,accountid:string,invokedby:string,accesskeyid:string,username:string,",
      "onbehalfof:struct<userid:string,identitystorearn:string>,",
      "sessioncontext:struct<attributes:struct<mfaauthenticated:string,creationdate:string>,",
      "sessionissuer:struct<type:string,principalid:string,arn:string,accountid:string,username:string>>>",
    ])],
    ["eventtime", "string"],
    ["eventsource", "string"],
    ["eventname", "string"],
    ["awsregion", "string"],
    ["sourceipaddress", "string"],
    ["useragent", "string"],
    ["errorcode", "string"],
    ["errormessage", "string"],
    ["requestparameters", "string"],
    ["responseelements", "string"],
    ["additionaleventdata", "string"],
    ["requestid", "string"],
    ["eventid", "string"],
    ["readonly", "string"],
    ["resources", "array<struct<arn:string,accountid:string,type:string>>"],
    ["eventtype", "string"],
    ["recipientaccountid", "string"],
    ["sharedeventid", "string"],
    ["vpcendpointid", "string"],
    ["eventcategory", "string"],
    ["tlsdetails", "struct<tlsversion:string,ciphersuite:string,clientprovidedhostheader:string>"],
  ]

  # The fields of a receipt: lambdas/provenance writes them, so both must change together.
  receipt_columns = [
    ["state", "string"],
    ["bucket", "string"],
    ["key", "string"],
    ["version_id", "string"],
    ["etag", "string"],
    ["size", "bigint"],
    ["sha256", "string"],
    ["s3_checksum", "string"],
    ["s3_checksum_algorithm", "string"],
    ["s3_checksum_type", "string"],
    ["last_modified", "string"],
    ["event_time", "string"],
    ["sequencer", "string"],
    ["reason", "string"],
    ["recorded_at", "string"],
    ["pinned_late", "boolean"],
  ]
}
