//! The summary of a verification: its printed lines, its counts and its exit status.

use std::collections::HashSet;

use lambda_support::log::escape;
use serde_json::{Map, Value, json};
use sluice_types::{ObjectVersion, OperatorRecord};

use super::chain::{Chain, Pin};
use super::delivered_files::DeliveredFile;
use super::evidence::{CheckedReceipt, Evidence};
use super::finding::{Finding, location};
use super::public_keys::PublicKeys;
use super::versions::VersionComparison;
use crate::report::{ExitStatus, Report};

/// Counts what is printed, for the last line and the exit status.
pub(super) struct Summary {
    findings: u64,
    /// Files whose arrival is not proven.
    unproven_files: u64,
    unread: u64,
    gone_unproven: u64,
    unproven_ok: bool,
    /// Whether the arguments match nothing.
    is_empty: bool,
    head: Option<Pin>,
    text: Vec<String>,
    json: Map<String, Value>,
}

impl Summary {
    /// `unproven_ok` accepts receipts of deleted versions whose time no trail covers.
    pub(super) fn new(chain: &Chain, keys: &PublicKeys, unproven_ok: bool) -> Self {
        let mut summary = Self {
            findings: 0,
            unproven_files: 0,
            unread: 0,
            gone_unproven: 0,
            unproven_ok,
            is_empty: false,
            head: chain.head.clone(),
            text: Vec::new(),
            json: Map::new(),
        };
        summary.count("manifests", chain.manifests as u64);
        summary.json.insert("public_keys".into(), json!(keys.fingerprints()));
        summary
    }

    /// Adds a count to the last line.
    pub(super) fn count(&mut self, what: &'static str, count: u64) {
        self.json.insert(what.replace(' ', "_"), count.into());
        self.text.push(format!("{count} {what}"));
    }

    /// Adds a count to the last line; the text omits zero.
    pub(super) fn count_if_nonzero(&mut self, what: &'static str, count: u64) {
        self.count(what, count);
        if count == 0 {
            self.text.pop();
        }
    }

    pub(super) fn print_findings(&mut self, findings: &[Finding], report: &Report) {
        self.findings += findings.len() as u64;
        for finding in findings {
            report.line(finding.text(), &finding.json());
        }
    }

    /// Prints what could not be read.
    pub(super) fn print_unread(&mut self, what: &str, reason: &str, report: &Report) {
        self.unread += 1;
        report.line(
            format_args!("unread  {}: {}", escape(what), escape(reason)),
            &json!({"unread": what, "reason": reason}),
        );
    }

    pub(super) fn print_all_unread(&mut self, unread: Vec<(String, String)>, report: &Report) {
        for (what, reason) in unread {
            self.print_unread(&what, &reason, report);
        }
    }

    pub(super) fn print_unread_version(&mut self, version: &ObjectVersion, reason: &str, report: &Report) {
        self.unread += 1;
        let mut json = version_json("unread", "version".into(), version);
        json.insert("reason".into(), reason.into());
        report.line(format_args!("unread  {}: {}", location(version), escape(reason)), &json.into());
    }

    pub(super) fn print_no_match(&mut self, report: &Report) {
        self.is_empty = true;
        report.note("nothing matches: there is neither a version nor a receipt under the given prefix; check it with `aws s3 ls`");
    }

    pub(super) fn print_evidence(&mut self, evidence: &Evidence<'_>, report: &Report) {
        self.print_findings(&evidence.findings, report);
        let counts = evidence.counts;
        self.count("receipts", counts.receipts);
        self.count_if_nonzero("operator records", counts.operator_records);
        self.count_if_nonzero("pending", counts.pending);
        self.count_if_nonzero("unproven", counts.unproven);
        self.count_if_nonzero("announced", counts.announced);
    }

    pub(super) fn print_versions(&mut self, comparison: &VersionComparison<'_>, report: &Report) {
        for (version, record) in &comparison.operated {
            report.line(operation_text(version, record), &operation_json(version, record));
        }
        for (kind, list) in [("unreadable", &comparison.unreadable), ("unproven", &comparison.unproven)] {
            for (version, reason) in list {
                let mut json = version_json(kind, true.into(), version);
                json.insert("reason".into(), reason.as_str().into());
                report.line(format_args!("{kind}  {}: {}", location(version), escape(reason)), &json.into());
            }
        }
        self.print_findings(&comparison.findings, report);
        let counts = comparison.counts;
        self.gone_unproven = counts.gone_unproven;
        self.count("versions", counts.versions);
        self.count_if_nonzero("recorded", counts.recorded);
        self.count_if_nonzero("young", counts.young);
        self.count_if_nonzero("unrecorded", counts.unrecorded);
        self.count_if_nonzero("deferred", counts.deferred);
        self.count_if_nonzero("unreadable", counts.unreadable);
        self.count_if_nonzero("unchecked", counts.unchecked);
        self.count_if_nonzero("removed", counts.removed);
        self.count_if_nonzero("moved to quarantine", counts.moved);
        self.count_if_nonzero("released or removed by operators", counts.operated);
        self.count_if_nonzero("gone", counts.gone);
        self.count_if_nonzero("gone unproven", counts.gone_unproven);
    }

    /// Prints whether each file arrived. The versions `unmatched` exist neither in S3 nor in quarantine; `None` if S3 was not
    /// asked.
    pub(super) fn print_files(
        &mut self,
        files: &[DeliveredFile],
        evidence: &Evidence<'_>,
        unmatched: Option<&HashSet<ObjectVersion>>,
        report: &Report,
    ) {
        for file in files {
            let (shown, sha256) = (file.path.display().to_string(), &file.sha256);
            let receipts = file.receipts(evidence);
            let mut is_proven = false;
            for checked in &receipts {
                is_proven |= print_receipt_of_file(&shown, sha256, checked, unmatched, report);
            }
            if receipts.is_empty() {
                report.line(
                    format_args!("{} did not arrive: no receipt has its SHA-256", escape(&shown)),
                    &json!({"file": shown, "sha256": sha256, "arrived": false}),
                );
            }
            self.unproven_files += u64::from(!is_proven);
        }
    }

    /// Prints the last line and returns the exit status.
    pub(super) fn finish(mut self, report: &Report) -> ExitStatus {
        self.count_if_nonzero("unread", self.unread);
        self.count("findings", self.findings);
        let head = self.head.as_ref().map(ToString::to_string);
        self.json.insert("head".into(), json!(head));
        let mut text = self.text.join(", ");
        for key in self.json["public_keys"].as_array().into_iter().flatten() {
            let key = key.as_str().unwrap_or_default();
            text.push_str(&format!("\npublic key  sha256 {key}"));
        }
        text.push_str(&format!("\nhead        {}", head.as_deref().unwrap_or("none")));
        if self.unread > 0 {
            report.note(format_args!(
                "{} could not be read and are printed as `unread`: this verification is incomplete",
                self.unread
            ));
        }
        let has_unproven = self.gone_unproven > 0 && !self.unproven_ok;
        if has_unproven {
            report.note(format_args!(
                "{} receipts record that a version was deleted before it was read, and no trail covers its time: check each line `unproven`, then accept them with --unproven-ok",
                self.gone_unproven
            ));
        }
        report.line(text, &Value::Object(self.json));
        let failures = self.findings + self.unproven_files + self.unread;
        ExitStatus::success_if(failures == 0 && !has_unproven && !self.is_empty)
    }
}

/// A JSON object with one field and the fields of a version.
fn version_json(name: &str, value: Value, version: &ObjectVersion) -> Map<String, Value> {
    let ObjectVersion { bucket, key, version_id } = version;
    Map::from_iter([
        (name.to_owned(), value),
        ("bucket".to_owned(), bucket.as_str().into()),
        ("key".to_owned(), key.as_str().into()),
        ("version_id".to_owned(), version_id.as_str().into()),
    ])
}

fn operation_text(version: &ObjectVersion, record: &OperatorRecord) -> String {
    let (done, location, by) = (record.action.past_participle(), location(version), escape(&record.caller));
    let mut text = format!("{done}  {location}: {done} by {by} at {}", record.recorded_at);
    if let Some(version_id) = &record.new_version_id {
        text.push_str(&format!(" as version {}", escape(version_id)));
    }
    if let Some(reason) = &record.reason {
        text.push_str(&format!(": {}", escape(reason)));
    }
    text
}

fn operation_json(version: &ObjectVersion, record: &OperatorRecord) -> Value {
    let mut json = version_json("operation", record.action.name().into(), version);
    json.extend([
        ("by".to_owned(), record.caller.as_str().into()),
        ("role".to_owned(), json!(record.role)),
        ("at".to_owned(), json!(record.recorded_at)),
        ("reason".to_owned(), json!(record.reason)),
        ("new_version_id".to_owned(), json!(record.new_version_id)),
    ]);
    json.into()
}

/// Prints one receipt with the SHA-256 of a file. Returns whether it proves that the file arrived: a manifest lists it, and
/// its version exists or, offline, was not looked up.
fn print_receipt_of_file(
    shown: &str,
    sha256: &str,
    checked: &CheckedReceipt,
    unmatched: Option<&HashSet<ObjectVersion>>,
    report: &Report,
) -> bool {
    let version = checked.receipt.version();
    let matched = unmatched.map(|unmatched| !unmatched.contains(&version));
    let (is_proven, why) = proof(checked.sequence, matched);
    let verb = if is_proven { "arrived" } else { "unproven" };
    let mut json = version_json("file", shown.into(), &version);
    json.extend([
        ("sha256".to_owned(), sha256.into()),
        ("arrived".to_owned(), json!(is_proven.then_some(true))),
        ("matched".to_owned(), json!(matched)),
        ("recorded_at".to_owned(), json!(checked.receipt.recorded_at)),
        ("manifest".to_owned(), json!(checked.sequence)),
        ("what".to_owned(), json!(format!("{verb}: {why}"))),
    ]);
    let (name, location, at) = (escape(shown), location(&version), checked.receipt.recorded_at);
    let text = if is_proven {
        format!("{name} arrived as {location}, recorded at {at}, {why}")
    } else {
        format!("{name} unproven: a receipt of {location}, recorded at {at}, has its SHA-256, but {why}")
    };
    report.line(text, &json.into());
    is_proven
}

/// Whether a receipt proves that a file arrived, and why. `matched` is `None` if S3 was not asked.
fn proof(manifest: Option<u64>, matched: Option<bool>) -> (bool, String) {
    match (manifest, matched) {
        (None, _) => (false, "no manifest lists its receipt yet".to_owned()),
        (Some(n), Some(false)) => {
            (false, format!("manifest {n} lists its receipt, and the version exists neither in S3 nor in quarantine"))
        }
        (Some(n), Some(true)) => (true, format!("listed in manifest {n}")),
        (Some(n), None) => (true, format!("listed in manifest {n}; offline, the version is not looked up in S3")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::verify::evidence_fixture::{EvidenceFixture, VERSION, operation, receipt, receipt_key};
    use crate::commands::verify::finding::FindingKind;
    use crate::report::testing::assert_printed;
    use sluice_types::{OperatorAction, Timestamp};

    fn version() -> ObjectVersion {
        ObjectVersion { bucket: "raw".into(), key: "incoming/a".into(), version_id: VERSION.into() }
    }

    #[test]
    fn text_and_json_of_findings_and_summary() {
        let fixture = EvidenceFixture::filled();
        let mut chain = Chain::default();
        chain.head = Some(Pin { sequence: 4, sha256: "00".into() });
        let keys = PublicKeys::parse(crate::commands::verify::public_keys::tests::PEM).unwrap();
        let evidence = fixture.evidence(&chain, Some(Timestamp::UNIX_EPOCH));
        for (name, unproven_ok, gone) in [("verify-summary", false, 1), ("verify-summary-accepted", true, 0)] {
            assert_printed(name, |report| {
                let mut summary = Summary::new(&chain, &keys, unproven_ok);
                summary.print_findings(&[Finding::new(FindingKind::ReceiptMissing, receipt_key("1a"), "what")], report);
                summary.print_findings(
                    &[Finding::new(FindingKind::VersionChanged, receipt_key("1a"), "what").about(version())],
                    report,
                );
                summary.print_unread("journal/", "reason", report);
                summary.print_unread_version(&version(), "reason", report);
                summary.print_evidence(&evidence, report);
                let policy = crate::commands::verify::versions::ComparisonPolicy {
                    young_from: 0,
                    strict: false,
                    removed_ok: false,
                };
                let mut comparison = VersionComparison::new(&chain, &evidence, policy);
                comparison.counts.gone_unproven = gone;
                comparison.counts.versions = 3;
                comparison.unreadable.push((version(), "reason".into()));
                comparison.unproven.push((version(), "reason".into()));
                summary.print_versions(&comparison, report);
                summary.count_if_nonzero("read earlier", 1);
                summary.count_if_nonzero("not read", 0);
                summary.finish(report);
            });
        }
    }

    #[test]
    fn text_and_json_of_operations_and_files() {
        let mut record = operation(OperatorAction::Release, &receipt("a", 0), 5);
        record.new_version_id = Some("new".into());
        record.reason = Some("reason".into());
        assert_printed("verify-operations", |report| {
            for record in [&record, &operation(OperatorAction::Remove, &receipt("a", 0), 5)] {
                report.line(operation_text(&version(), record), &operation_json(&version(), record));
            }
        });
        assert_printed("verify-files", |report| {
            for sequence in [None, Some(7)] {
                let checked =
                    CheckedReceipt { receipt: receipt("a", 0), sha256: "11".into(), sequence, is_sound: true };
                for unmatched in [None, Some(HashSet::new()), Some(HashSet::from([version()]))] {
                    print_receipt_of_file("a.csv", "00", &checked, unmatched.as_ref(), report);
                }
            }
        });
    }
}
