//! Releases that run concurrently with the function and are killed after any step.

use std::collections::HashSet;

use super::*;

/// A version of the key. A number stands for its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Version {
    name: String,
    bytes: u8,
    released_from: Option<String>,
    in_processing: bool,
    has_copy: bool,
    has_reason: bool,
}

/// The objects of one key in both buckets; the oldest version first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Buckets {
    versions: Vec<Version>,
    /// Whether the function refuses new versions; otherwise it stores them.
    refuses: bool,
}

/// The version that is to be released, and its bytes.
const OLD: &str = "old";
const BYTES: u8 = 7;

fn digest(bytes: u8) -> ContentDigest {
    ContentDigest { size: 1, sha256: bytes.to_string() }
}

impl Buckets {
    fn of(&mut self, name: &str) -> &mut Version {
        let found = self.versions.iter_mut().find(|v| v.name == name);
        found.unwrap_or_else(|| panic!("no {name}"))
    }

    /// How many versions hold the bytes that must not be lost; a version that the function is moving counts once.
    fn holders(&self) -> usize {
        let holds = |v: &&Version| v.bytes == BYTES && (v.in_processing || v.has_copy);
        self.versions.iter().filter(holds).count()
    }

    fn find(&self, wanted_digest: &ContentDigest, from: &str, wanted: impl Fn(&Version) -> bool) -> StepResult {
        let mut all = self.versions.iter();
        let found =
            all.find(|v| v.released_from.as_deref() == Some(from) && digest(v.bytes) == *wanted_digest && wanted(v));
        StepResult::Found(found.map(|v| v.name.clone()))
    }

    /// Performs a step of the release of `name`.
    fn perform(&mut self, name: &str, step: &Step) -> StepResult {
        let digest_if = |v: &Version, exists: bool| exists.then(|| digest(v.bytes));
        match step {
            Step::InspectSource => StepResult::Source(self.of(name).in_processing),
            Step::InspectCopy => {
                let of = self.of(name).clone();
                StepResult::Digest(digest_if(&of, of.has_copy))
            }
            Step::FindReleased(digest) => self.find(digest, name, |v| v.in_processing),
            Step::FindRefusedAgain(digest) => self.find(digest, name, |v| v.has_copy),
            Step::InspectCurrent => {
                let mut current = self.versions.iter().rev();
                let current = current.find(|v| v.in_processing);
                StepResult::Current(current.map(|v| (digest(v.bytes), Some(v.name.clone()))))
            }
            Step::Copy => {
                let made = format!("new{}", self.versions.len());
                let bytes = self.of(name).bytes;
                self.versions.push(Version {
                    name: made.clone(),
                    bytes,
                    released_from: Some(name.to_owned()),
                    in_processing: true,
                    has_copy: false,
                    has_reason: false,
                });
                StepResult::Copied(made)
            }
            Step::InspectPlaced(version) => {
                let of = self.of(version).clone();
                StepResult::Digest(digest_if(&of, of.in_processing))
            }
            Step::FindRefusal(version) => StepResult::Refused(self.of(version).has_reason),
            Step::Record(_) => StepResult::Recorded,
            Step::DeleteReason => {
                self.of(name).has_reason = false;
                StepResult::Deleted
            }
            Step::DeleteCopy => {
                self.of(name).has_copy = false;
                StepResult::Deleted
            }
            Step::Done(_) | Step::Refuse(_) => unreachable!("{step:?} is final"),
        }
    }

    /// The next step of the function: copy, write the reason record, delete the source.
    fn after_function_step(&self) -> Option<Self> {
        let mut buckets = self.clone();
        let mut moving = buckets.versions.iter_mut();
        let next = moving.find(|v| self.refuses && v.in_processing && v.bytes == BYTES)?;
        match (next.has_copy, next.has_reason) {
            (false, _) => next.has_copy = true,
            (true, false) => next.has_reason = true,
            (true, true) => next.in_processing = false,
        }
        Some(buckets)
    }

    /// How `quarantine release KEY` starts; `None` if no version of the key is in quarantine.
    fn begin(&self) -> Option<(String, ReleaseProtocol, Step)> {
        let found = self.versions.iter().filter(|v| v.has_copy || v.has_reason);
        let found: Vec<&Version> = found.collect();
        let candidates: Vec<Candidate> = found
            .iter()
            .map(|v| Candidate {
                version_id: v.name.clone(),
                released_from: v.released_from.clone(),
                digest: v.has_copy.then(|| digest(v.bytes)),
            })
            .collect();
        let chosen = match found.as_slice() {
            [] => return None,
            [one] => one,
            _ => {
                let interrupted = find_interrupted(&candidates);
                let [first, ..] = interrupted.as_slice() else {
                    panic!("the key is ambiguous after an interrupted release: {self:?}");
                };
                found[*first]
            }
        };
        let recorded = chosen.has_reason.then(|| chosen.bytes.to_string());
        let (protocol, step) = ReleaseProtocol::start(recorded, true);
        Some((chosen.name.clone(), protocol, step))
    }
}

fn old(before: &[u8], refuses: bool) -> Buckets {
    let version = |name: String, bytes: u8, processing: bool| Version {
        name,
        bytes,
        released_from: None,
        in_processing: processing,
        has_copy: !processing,
        has_reason: !processing,
    };
    let mut versions = vec![version(OLD.to_owned(), BYTES, false)];
    let before = before.iter().enumerate();
    versions.extend(before.map(|(n, bytes)| version(format!("before{n}"), *bytes, true)));
    Buckets { versions, refuses }
}

/// Both buckets, the operator's run and how many kills are left.
type State = (Buckets, Option<(String, ReleaseProtocol, Step)>, u8);

/// Every next state: a step of the operator, a step of the function, or a kill and a new protocol.
fn successors((buckets, operator, kills): &State) -> Vec<State> {
    let mut next: Vec<State> =
        buckets.after_function_step().map(|buckets| (buckets, operator.clone(), *kills)).into_iter().collect();
    let Some((name, protocol, step)) = operator else {
        return next;
    };
    if matches!(step, Step::Refuse(ReleaseRefusal::StillMoving)) {
        next.push((buckets.clone(), buckets.begin(), *kills));
    } else if *kills > 0 {
        next.push((buckets.clone(), buckets.begin(), kills - 1));
    }
    if !matches!(step, Step::Done(_) | Step::Refuse(_)) {
        let (mut buckets, mut protocol) = (buckets.clone(), protocol.clone());
        let outcome = buckets.perform(name, step);
        let step = protocol.next(step.clone(), outcome);
        next.push((buckets, Some((name.clone(), protocol, step)), *kills));
    }
    next
}

/// Releases are killed up to three times after any step, interleaved with every step of the function: the bytes are never
/// lost, each new run needs only the key, and in the end exactly one version holds the bytes.
#[test]
fn an_interrupted_release_is_completed_by_running_it_again() {
    let mut final_states = 0;
    for (before, refuses) in [(&[][..], true), (&[], false), (&[1], true), (&[1], false)] {
        let start = old(before, refuses);
        let begun = start.begin();
        let mut seen = HashSet::new();
        let mut open: Vec<State> = vec![(start, begun, 3)];
        while let Some(state) = open.pop() {
            if !seen.insert(state.clone()) {
                continue;
            }
            let (buckets, operator, _) = &state;
            assert!(buckets.holders() > 0, "lost: {state:?}");
            let step = operator.as_ref().map(|(_, _, step)| step);
            let refused = matches!(step, Some(Step::Refuse(why)) if *why != ReleaseRefusal::StillMoving);
            assert!(!refused, "refused: {state:?}");
            let next = successors(&state);
            let is_finished = matches!(step, Some(Step::Done(_)) | None);
            if is_finished && buckets.after_function_step().is_none() {
                assert_eq!(buckets.holders(), 1, "held twice: {state:?}");
                let remaining = buckets.versions.iter().find(|v| v.name == OLD);
                assert!(remaining.is_some_and(|v| !v.has_copy && !v.has_reason), "not deleted: {state:?}");
                final_states += 1;
            }
            open.extend(next);
        }
    }
    assert!(final_states > 10, "only {final_states} final states were reached");
}

/// An object with the same bytes is not copied again, and a newer object stays current without --over-newer.
#[test]
fn a_newer_object_stays_current_without_over_newer() {
    for (before, over_newer, expected) in [
        (&[1][..], false, Step::Refuse(ReleaseRefusal::NewerObject)),
        (&[7, 1], false, Step::Refuse(ReleaseRefusal::NewerObject)),
        (&[1, 7], false, Step::Done(Released::Before(Some("before1".into())))),
        (&[1], true, Step::Done(Released::As("new2".into()))),
    ] {
        let mut buckets = old(before, false);
        let start = buckets.clone();
        let (mut protocol, mut step) = ReleaseProtocol::start(Some(BYTES.to_string()), over_newer);
        while !matches!(step, Step::Done(_) | Step::Refuse(_)) {
            let outcome = buckets.perform(OLD, &step);
            step = protocol.next(step, outcome);
        }
        assert_eq!(step, expected);
        if step == Step::Refuse(ReleaseRefusal::NewerObject) {
            assert_eq!(buckets, start, "a refused release changed objects");
        }
    }
}

#[test]
fn a_refused_release_deletes_nothing() {
    let copy = || StepResult::Digest(Some(digest(7)));
    let found_none = || [StepResult::Found(None), StepResult::Found(None)];
    let copied = |placed: StepResult| {
        let mut all = vec![StepResult::Source(false), copy()];
        all.extend(found_none());
        all.extend([StepResult::Current(None), StepResult::Copied("new".into()), placed]);
        all
    };
    let other = ContentDigest { size: 2, ..digest(7) };
    let mut vanished = copied(StepResult::Digest(None));
    vanished.push(StepResult::Refused(false));
    for (outcomes, why) in [
        (vec![StepResult::Source(true)], ReleaseRefusal::StillMoving),
        (vec![StepResult::Source(false), StepResult::Digest(None)], ReleaseRefusal::NoCopy),
        (vec![StepResult::Source(false), StepResult::Digest(Some(digest(8)))], ReleaseRefusal::CopyDiffers),
        (copied(StepResult::Digest(Some(other))), ReleaseRefusal::ArrivedDifferent),
        (vanished, ReleaseRefusal::Vanished),
    ] {
        let (mut protocol, mut step) = ReleaseProtocol::start(Some("7".into()), false);
        for outcome in outcomes {
            assert!(!matches!(step, Step::Record(_) | Step::DeleteReason | Step::DeleteCopy));
            step = protocol.next(step, outcome);
        }
        assert_eq!(step, Step::Refuse(why));
    }
}

#[test]
fn a_release_is_recorded_before_anything_is_deleted() {
    let (mut protocol, mut step) = ReleaseProtocol::start(Some("7".into()), false);
    let mut buckets = old(&[], false);
    let mut recorded = false;
    while !matches!(step, Step::Done(_) | Step::Refuse(_)) {
        let deletes = matches!(step, Step::DeleteReason | Step::DeleteCopy);
        assert!(recorded || !deletes, "{step:?}");
        recorded |= step == Step::Record(Some("new1".into()));
        let outcome = buckets.perform(OLD, &step);
        step = protocol.next(step, outcome);
    }
    assert_eq!((protocol.sha256(), recorded), (Some("7"), true));
}

/// An uploader can set any metadata; only a copy with the same bytes makes a release count as interrupted.
#[test]
fn an_interrupted_release_needs_a_copy_with_the_same_bytes() {
    let candidate = |version: &str, from: Option<&str>, bytes: Option<u8>| Candidate {
        version_id: version.into(),
        released_from: from.map(Into::into),
        digest: bytes.map(digest),
    };
    let old = candidate("old", None, Some(7));
    for (other, expected) in [
        (candidate("new", Some("old"), Some(7)), vec![0]),
        (candidate("new", Some("old"), Some(8)), vec![]),
        (candidate("new", Some("old"), None), vec![]),
        (candidate("new", Some("another"), Some(7)), vec![]),
        (candidate("new", None, Some(7)), vec![]),
    ] {
        assert_eq!(find_interrupted(&[old.clone(), other]), expected);
    }
    let own = candidate("old", Some("old"), Some(7));
    assert!(find_interrupted(&[own, candidate("new", None, Some(7))]).is_empty());
}
