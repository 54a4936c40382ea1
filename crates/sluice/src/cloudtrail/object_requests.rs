//! Requests about one object, identified by the request ID that S3 returned to the client.

use serde_json::Value;

use super::{Trail, has_failed};

/// A request that S3 has answered, as its client knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObjectRequest {
    /// The name of the event, for example `PutObject`.
    pub(crate) event_name: &'static str,
    pub(crate) bucket: String,
    pub(crate) key: String,
    /// The header `x-amz-request-id` of the answer, which CloudTrail logs as `requestID`; empty if there was none.
    pub(crate) request_id: String,
}

impl ObjectRequest {
    /// Whether a record is the one of this request, and says that it succeeded.
    pub(crate) fn is_logged_by(&self, record: &Value) -> bool {
        let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
        !has_failed(record)
            && !self.request_id.is_empty()
            && text("/eventSource") == Some("s3.amazonaws.com")
            && text("/eventName") == Some(self.event_name)
            && text("/requestID") == Some(&self.request_id)
            && text("/requestParameters/bucketName") == Some(&self.bucket)
            && text("/requestParameters/key") == Some(&self.key)
    }
}

impl Trail<'_> {
    /// The indexes of the requests that a log file contains; none if the file does not exist any more.
    ///
    /// # Errors
    /// If it cannot be read or parsed.
    pub(crate) async fn logged_requests(&self, key: &str, requests: &[ObjectRequest]) -> anyhow::Result<Vec<usize>> {
        let records = self.read_records(key).await?;
        let is_logged = |request: &ObjectRequest| records.iter().any(|record| request.is_logged_by(record));
        Ok(requests.iter().enumerate().filter(|(_, request)| is_logged(request)).map(|(index, _)| index).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_request_is_identified_by_its_id() {
        let request = ObjectRequest {
            event_name: "GetObject",
            bucket: "raw".into(),
            key: "incoming/a b".into(),
            request_id: "47B8E8D397DCE7A6".into(),
        };
        let record = json!({
            "eventSource": "s3.amazonaws.com", "eventName": "GetObject", "requestID": "47B8E8D397DCE7A6",
            "requestParameters": {"bucketName": "raw", "Host": "raw.s3.eu-central-1.amazonaws.com", "key": "incoming/a b"},
            "responseElements": null,
        });
        assert!(request.is_logged_by(&record));
        for (pointer, other) in [
            ("/eventName", json!("HeadObject")),
            ("/requestID", json!("of the function")),
            ("/requestParameters/bucketName", json!("other")),
            ("/requestParameters/key", json!("incoming/a")),
            ("/eventSource", json!("other.amazonaws.com")),
        ] {
            let mut record = record.clone();
            *record.pointer_mut(pointer).unwrap() = other;
            assert!(!request.is_logged_by(&record), "{pointer}");
        }
        let mut rejected = record.clone();
        rejected["errorCode"] = json!("AccessDenied");
        assert!(!request.is_logged_by(&rejected));
        let mut without_id = record;
        without_id["requestID"] = json!("");
        assert!(!ObjectRequest { request_id: String::new(), ..request }.is_logged_by(&without_id));
    }
}
