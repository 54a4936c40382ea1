//! What a verification comes to: its lines, its counts and its exit code.

use std::collections::HashSet;

use lambda_support::log::escape;
use provenance::operator::OperatorRecord;
use provenance::version::Version;
use serde_json::{Map, Value, json};

use crate::report::{Ended, Report};
use crate::verify::chain::{Chain, Pin};
use crate::verify::evidence::{Evidence, Kept};
use crate::verify::files::File;
use crate::verify::finding::{Finding, place, version_of};
use crate::verify::key::PublicKeys;
use crate::verify::versions::Versions;

/// What is reported at the end.
pub struct Outcome {
    findings: u64,
    /// Files that did not arrive, or whose arrival is not proven.
    open_files: u64,
    unread: u64,
    gone_unproven: u64,
    unproven_ok: bool,
    /// The targets match nothing.
    empty: bool,
    head: Option<Pin>,
    text: Vec<String>,
    json: Map<String, Value>,
}

impl Outcome {
    /// Nothing compared yet; `unproven_ok` accepts receipts of versions that were gone without a trail of their time.
    #[must_use]
    pub fn new(chain: &Chain, keys: &PublicKeys, unproven_ok: bool) -> Self {
        let mut outcome = Self {
            findings: 0,
            open_files: 0,
            unread: 0,
            gone_unproven: 0,
            unproven_ok,
            empty: false,
            head: chain.head.clone(),
            text: Vec::new(),
            json: Map::new(),
        };
        outcome.count("manifests", chain.manifests as u64);
        outcome.json.insert("public_keys".into(), json!(keys.fingerprints()));
        outcome
    }

    /// A count of the summary.
    pub fn count(&mut self, what: &'static str, count: u64) {
        self.json.insert(what.replace(' ', "_"), count.into());
        self.text.push(format!("{count} {what}"));
    }

    /// As [`Outcome::count`], not shown to people where there are none.
    pub fn few(&mut self, what: &'static str, count: u64) {
        self.count(what, count);
        if count == 0 {
            self.text.pop();
        }
    }

    /// Reports what is wrong.
    pub fn tell(&mut self, findings: &[Finding], report: &Report) {
        self.findings += findings.len() as u64;
        for finding in findings {
            report.line(finding.text(), &finding.json());
        }
    }

    /// Something that could not be looked at.
    pub fn unread(&mut self, what: &str, reason: &str, report: &Report) {
        self.unread += 1;
        report.line(
            format_args!("unread  {}: {}", escape(what), escape(reason)),
            &json!({"unread": what, "reason": reason}),
        );
    }

    /// As [`Outcome::unread`], each with its reason.
    pub fn unread_all(&mut self, unread: Vec<(String, String)>, report: &Report) {
        for (what, reason) in unread {
            self.unread(&what, &reason, report);
        }
    }

    /// A version whose bytes could not be read.
    pub fn unread_version(&mut self, version: &Version, reason: &str, report: &Report) {
        self.unread += 1;
        let mut json = of_version("unread", "version".into(), version);
        json.insert("reason".into(), reason.into());
        report.line(format_args!("unread  {}: {}", place(version), escape(reason)), &json.into());
    }

    /// The targets match neither a version nor a receipt.
    pub fn nothing(&mut self, report: &Report) {
        self.empty = true;
        report.note("nothing matches: there is no version and no receipt under what was named; look at the spelling, with `aws s3 ls`");
    }

    /// What came of the records.
    pub fn evidence(&mut self, evidence: &Evidence<'_>, report: &Report) {
        self.tell(&evidence.findings, report);
        let counts = evidence.counts;
        self.count("receipts", counts.receipts);
        self.few("operator records", counts.operator_records);
        self.few("pending", counts.pending);
        self.few("unproven", counts.unproven);
        self.few("announced", counts.announced);
    }

    /// What came of the versions, but for reading them.
    pub fn versions(&mut self, versions: &Versions<'_>, report: &Report) {
        for (version, record) in &versions.operated {
            report.line(operation(version, record), &operation_json(version, record));
        }
        for (kind, list) in [("unreadable", &versions.unreadable), ("unproven", &versions.unproven)] {
            for (version, reason) in list {
                let mut json = of_version(kind, true.into(), version);
                json.insert("reason".into(), reason.as_str().into());
                report.line(format_args!("{kind}  {}: {}", place(version), escape(reason)), &json.into());
            }
        }
        self.tell(&versions.findings, report);
        let counts = versions.counts;
        self.gone_unproven = counts.gone_unproven;
        self.count("versions", counts.versions);
        self.few("recorded", counts.recorded);
        self.few("young", counts.young);
        self.few("unrecorded", counts.unrecorded);
        self.few("deferred", counts.deferred);
        self.few("unreadable", counts.unreadable);
        self.few("unchecked", counts.unchecked);
        self.few("removed", counts.removed);
        self.few("moved to quarantine", counts.moved);
        self.few("released or removed by operators", counts.operated);
        self.few("gone", counts.gone);
        self.few("gone unproven", counts.gone_unproven);
    }

    /// Whether each file is one that arrived. Of the versions `unmatched`, S3 shows neither the version nor what became
    /// of it; without them, S3 was not asked.
    pub fn files(
        &mut self,
        files: &[File],
        evidence: &Evidence<'_>,
        unmatched: Option<&HashSet<Version>>,
        report: &Report,
    ) {
        for file in files {
            let (shown, sha256) = (file.path.display().to_string(), &file.sha256);
            let same = file.receipts(evidence);
            let mut proven = false;
            for kept in &same {
                proven |= receipt_of_file(&shown, sha256, kept, unmatched, report);
            }
            if same.is_empty() {
                report.line(
                    format_args!("{} is not one that arrived", escape(&shown)),
                    &json!({"file": shown, "sha256": sha256, "arrived": false}),
                );
            }
            self.open_files += u64::from(!proven);
        }
    }

    /// The summary and the exit code.
    pub fn end(mut self, report: &Report) -> Ended {
        self.few("unread", self.unread);
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
                "{} could not be read and are listed as `unread`: this verification is not complete",
                self.unread
            ));
        }
        let open = self.gone_unproven > 0 && !self.unproven_ok;
        if open {
            report.note(format_args!(
                "{} receipts say that a version was gone before it was read, and no trail covers its time: look at each line `unproven`, then accept them with --unproven-ok",
                self.gone_unproven
            ));
        }
        report.line(text, &Value::Object(self.json));
        let wrong = self.findings + self.open_files + self.unread;
        Ended::when(wrong == 0 && !open && !self.empty)
    }
}

/// A line's first field, and its version.
fn of_version(name: &str, value: Value, version: &Version) -> Map<String, Value> {
    let Version { bucket, key, version_id } = version;
    Map::from_iter([
        (name.to_owned(), value),
        ("bucket".to_owned(), bucket.as_str().into()),
        ("key".to_owned(), key.as_str().into()),
        ("version_id".to_owned(), version_id.as_str().into()),
    ])
}

/// `released by …`, for people.
fn operation(version: &Version, record: &OperatorRecord) -> String {
    let (done, place, by) = (record.action.past(), place(version), escape(&record.caller));
    let mut text = format!("{done}  {place}: {done} by {by} at {}", record.recorded_at);
    if let Some(new) = &record.new_version_id {
        text.push_str(&format!(" as version {}", escape(new)));
    }
    if let Some(reason) = &record.reason {
        text.push_str(&format!(": {}", escape(reason)));
    }
    text
}

fn operation_json(version: &Version, record: &OperatorRecord) -> Value {
    let mut json = of_version("operation", record.action.name().into(), version);
    json.extend([
        ("by".to_owned(), record.caller.as_str().into()),
        ("role".to_owned(), json!(record.role)),
        ("at".to_owned(), json!(record.recorded_at)),
        ("reason".to_owned(), json!(record.reason)),
        ("new_version_id".to_owned(), json!(record.new_version_id)),
    ]);
    json.into()
}

/// Reports one receipt that has the SHA-256 of a file. Returns whether it proves that the file arrived: a manifest lists
/// it, and its version is matched or, offline, not looked for.
fn receipt_of_file(
    shown: &str,
    sha256: &str,
    kept: &Kept,
    unmatched: Option<&HashSet<Version>>,
    report: &Report,
) -> bool {
    let version = version_of(&kept.receipt);
    let matched = unmatched.map(|unmatched| !unmatched.contains(&version));
    let (proven, why) = standing(kept.sequence, matched);
    let verb = if proven { "arrived" } else { "unproven" };
    let mut json = of_version("file", shown.into(), &version);
    json.extend([
        ("sha256".to_owned(), sha256.into()),
        ("arrived".to_owned(), json!(proven.then_some(true))),
        ("matched".to_owned(), json!(matched)),
        ("recorded_at".to_owned(), json!(kept.receipt.recorded_at)),
        ("manifest".to_owned(), json!(kept.sequence)),
        ("what".to_owned(), json!(format!("{verb}: {why}"))),
    ]);
    let (name, place, at) = (escape(shown), place(&version), kept.receipt.recorded_at);
    let text = if proven {
        format!("{name} arrived as {place}, recorded at {at}, {why}")
    } else {
        format!("{name} unproven: a receipt of {place}, recorded at {at}, has its SHA-256, but {why}")
    };
    report.line(text, &json.into());
    proven
}

/// Whether a receipt proves an arrival, and what it rests on; `matched` is unknown offline.
fn standing(manifest: Option<u64>, matched: Option<bool>) -> (bool, String) {
    match (manifest, matched) {
        (None, _) => (false, "no manifest lists its receipt yet".to_owned()),
        (Some(n), Some(false)) => {
            (false, format!("manifest {n} lists its receipt, and neither S3 nor quarantine has the version"))
        }
        (Some(n), Some(true)) => (true, format!("listed in manifest {n}")),
        (Some(n), None) => {
            (true, format!("listed in manifest {n}; whether S3 ever had the version is not asked offline"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::assert_printed;
    use crate::verify::finding::Kind;
    use crate::verify::tree::{Tree, VERSION, of, operation, receipt};
    use lambda_support::time::Moment;
    use provenance::operator::Action;

    fn version() -> Version {
        Version { bucket: "raw".into(), key: "incoming/a".into(), version_id: VERSION.into() }
    }

    #[test]
    fn text_and_json_of_findings_and_summary() {
        let tree = Tree::filled();
        let mut chain = Chain::default();
        chain.head = Some(Pin { sequence: 4, sha256: "00".into() });
        let keys = PublicKeys::parse(crate::verify::key::tests::PEM).unwrap();
        let evidence = tree.evidence(&chain, Some(Moment(0)));
        for (name, unproven_ok, gone) in [("verify-summary", false, 1), ("verify-summary-accepted", true, 0)] {
            assert_printed(name, |report| {
                let mut outcome = Outcome::new(&chain, &keys, unproven_ok);
                outcome.tell(&[Finding::of(Kind::ReceiptMissing, of("1a"), "what")], report);
                outcome.tell(&[Finding::of(Kind::VersionChanged, of("1a"), "what").about(version())], report);
                outcome.unread("journal/", "reason", report);
                outcome.unread_version(&version(), "reason", report);
                outcome.evidence(&evidence, report);
                let terms = crate::verify::versions::Terms { young_from: 0, strict: false, removed_ok: false };
                let mut versions = Versions::new(&chain, &evidence, terms);
                versions.counts.gone_unproven = gone;
                versions.counts.versions = 3;
                versions.unreadable.push((version(), "reason".into()));
                versions.unproven.push((version(), "reason".into()));
                outcome.versions(&versions, report);
                outcome.few("read earlier", 1);
                outcome.few("not read", 0);
                outcome.end(report);
            });
        }
    }

    #[test]
    fn text_and_json_of_operations_and_files() {
        let mut record = operation(Action::Release, &receipt("a", 0), 5);
        record.new_version_id = Some("new".into());
        record.reason = Some("reason".into());
        assert_printed("verify-operations", |report| {
            for record in [&record, &operation(Action::Remove, &receipt("a", 0), 5)] {
                report.line(super::operation(&version(), record), &operation_json(&version(), record));
            }
        });
        assert_printed("verify-files", |report| {
            for sequence in [None, Some(7)] {
                let kept = Kept { receipt: receipt("a", 0), sha256: "11".into(), sequence, sound: true };
                for unmatched in [None, Some(HashSet::new()), Some(HashSet::from([version()]))] {
                    receipt_of_file("a.csv", "00", &kept, unmatched.as_ref(), report);
                }
            }
        });
    }
}
