//! Everything that somebody can tamper with, and a verification of it with and without the buckets.

use super::super::chain::Pin;
use super::*;
use provenance::version::Version;

/// When it is verified.
pub const NOW: u64 = 7 * HOUR;

/// An object version in a bucket.
#[derive(Clone)]
pub struct Object {
    pub bucket: String,
    pub key: String,
    pub version_id: String,
    pub body: Vec<u8>,
    pub etag: String,
}

pub struct World {
    pub tree: Tree,
    pub objects: Vec<Object>,
    /// Copies in quarantine, by the key of the version that was refused.
    pub quarantine: BTreeMap<String, Vec<u8>>,
    pub creations: Vec<Creation>,
    /// Times of the trail's logs, in seconds.
    pub stamps: BTreeSet<i64>,
    pub pins: Vec<Pin>,
}

pub fn object(receipt: &Receipt) -> Object {
    Object {
        bucket: receipt.bucket.clone(),
        key: receipt.key.clone(),
        version_id: receipt.version_id.clone(),
        body: receipt.key["incoming/".len()..].into(),
        etag: "e".into(),
    }
}

fn creation(receipt: &Receipt) -> Creation {
    Creation {
        bucket: receipt.bucket.clone(),
        key: receipt.key.clone(),
        version_id: Some(receipt.version_id.clone()),
        at: Some(i64::try_from(receipt.recorded_at.0 / 1000).unwrap()),
    }
}

impl World {
    /// Six versions in three hours; in a fourth one that was gone, one that the ingest moved, one that was released and
    /// one that was removed; an hour of nothing; and one that no manifest lists yet.
    pub fn new() -> Self {
        let mut world = Self {
            tree: Tree::new(),
            objects: Vec::new(),
            quarantine: BTreeMap::new(),
            creations: Vec::new(),
            stamps: (0..8).map(|hour| hour * 3600).collect(),
            pins: Vec::new(),
        };
        for hour in 0..3 {
            for name in ["a", "b"] {
                world.arrive(&receipt(&format!("{hour}{name}"), hour * HOUR + 60_000));
            }
            assert!(world.tree.run_ledger((hour + 1) * HOUR + 60_000));
        }
        let at = 3 * HOUR + 60_000;
        let gone = Receipt { state: State::Gone, sha256: None, ..receipt("gone", at) };
        world.record(&gone);
        world.creations.push(creation(&gone));
        for name in ["moved", "released", "removed"] {
            world.record(&receipt(name, at));
            world.creations.push(creation(&receipt(name, at)));
        }
        world.quarantine.insert("incoming/moved".into(), "moved".into());
        world.operate(&operation(Action::Release, &receipt("released", at), at + 1));
        world.operate(&operation(Action::Remove, &receipt("removed", at), at + 2));
        world.tree.run_ledger(4 * HOUR + 60_000);
        world.tree.run_ledger(5 * HOUR + 60_000);
        world.arrive(&receipt("young", 5 * HOUR + 600_000));
        world
    }

    /// A version arrives and is recorded.
    pub fn arrive(&mut self, receipt: &Receipt) {
        self.objects.push(object(receipt));
        self.creations.push(creation(receipt));
        self.record(receipt);
    }

    pub fn record(&mut self, receipt: &Receipt) {
        self.tree.record(&receipt.entry(), receipt.bytes());
    }

    pub fn operate(&mut self, record: &OperatorRecord) {
        self.tree.record(&record.entry(), record.bytes());
    }

    /// The ledger closes the hour that is open.
    pub fn seal(&mut self) {
        assert!(self.tree.run_ledger(6 * HOUR + 60_000));
    }

    pub fn object(&mut self, name: &str) -> &mut Object {
        let key = format!("incoming/{name}");
        self.objects.iter_mut().find(|o| o.key == key).unwrap()
    }

    pub fn delete(&mut self, name: &str) {
        let key = format!("incoming/{name}");
        self.objects.retain(|o| o.key != key);
    }

    /// The bytes of a record, by its receipt's name or by its key.
    pub fn file(&mut self, key: &str) -> &mut Vec<u8> {
        self.tree.files.get_mut(key).unwrap()
    }

    pub fn swap(&mut self, one: &str, other: &str) {
        let bytes = self.tree.files[one].clone();
        let second = self.tree.files.insert(other.to_owned(), bytes).unwrap();
        self.tree.files.insert(one.to_owned(), second);
    }

    /// What a verification of a copy finds.
    pub fn offline(&self, keys: &PublicKeys) -> Vec<(String, String)> {
        let found = self.tree.verify_with(keys, &self.pins, None);
        found.into_iter().map(|(k, e)| (k.name().to_owned(), e)).collect()
    }

    /// What a verification of the buckets finds.
    pub fn online(&self, keys: &PublicKeys) -> Vec<(String, String)> {
        let all = self.look(keys);
        let place = |f: &Finding| match f.evidence.as_str() {
            "" => f.version.as_ref().map(|v| v.key.clone()).unwrap_or_default(),
            evidence => evidence.to_owned(),
        };
        let (findings, open) = all;
        let all = findings.iter().map(|f| (f.kind.name().to_owned(), place(f)));
        let open = open.iter().map(|(version, _)| ("unproven".to_owned(), version.key.clone()));
        let mut all: Vec<_> = all.chain(open).collect();
        all.sort_unstable();
        all
    }

    /// The same as findings, in order.
    pub fn findings(&self, keys: &PublicKeys) -> Vec<Finding> {
        let (mut findings, _) = self.look(keys);
        findings.sort_unstable();
        findings
    }

    fn look(&self, keys: &PublicKeys) -> (Vec<Finding>, Vec<(Version, String)>) {
        let chain = Chain::read(self.tree.manifests(), keys, &self.pins);
        let evidence = self.tree.evidence(&chain, Some(Moment(NOW)));
        let terms = Terms { young_from: 1000, strict: false, removed_ok: false };
        let mut versions = Versions::new(&chain, &evidence, terms);
        for object in &self.objects {
            let listed = store::Version {
                key: object.key.clone(),
                version_id: object.version_id.clone(),
                size: object.body.len() as u64,
                etag: Some(object.etag.clone()),
                modified: 0,
                latest: true,
                marker: false,
            };
            versions.add(&object.bucket, &listed);
        }
        let (mut missing, mut gone) = (versions.missing(|_| true), versions.gone(|_| true));
        versions.take_operated(&mut missing, &evidence);
        versions.take_operated(&mut gone, &evidence);
        let known = self.known(&missing, &gone);
        versions.finish(&missing, &gone, &known);
        let read = versions.work.iter().filter_map(|work| {
            let here = |o: &&Object| (&o.key, &o.version_id) == (&work.version.key, &work.version.version_id);
            let sha256 = sha256(&self.objects.iter().find(here).unwrap().body);
            let bytes = match sha256 == work.sha256 {
                true => Bytes::Same,
                false => Bytes::Other(sha256),
            };
            compared(work, &bytes)
        });
        let ours = versions.findings.iter().cloned().chain(read);
        let all = chain.findings.iter().chain(&evidence.findings).cloned().chain(ours).collect();
        (all, versions.unproven.clone())
    }

    fn known<'a>(&self, missing: &[(&'a str, &'a Receipt)], gone: &[(&'a str, &'a Receipt)]) -> Matches<'a> {
        let mut known = Matches::default();
        let mut creations = Creations::default();
        self.creations.iter().for_each(|c| creations.add(c.clone()));
        for (key, receipt) in missing.iter().chain(gone) {
            let copy = self.quarantine.get(&receipt.key).map(|b| sha256(b));
            if copy.is_some() && copy == receipt.sha256 {
                known.moved.insert(*key);
            } else if let Some(question) = Question::of(receipt) {
                let now = i64::try_from(NOW / 1000).unwrap();
                let answer = question.answer(&self.stamps, &creations, &[], now);
                known.trail.insert(*key, answer);
            }
        }
        known
    }
}
