//! A release beside the function, killed at any moment.

use std::collections::HashSet;

use super::*;

/// A version of the key: where it is and what it came from. Its bytes are a number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Version {
    name: String,
    bytes: u8,
    released_from: Option<String>,
    processing: bool,
    copy: bool,
    reason: bool,
}

/// Both buckets, as far as one key is concerned; the oldest version first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    versions: Vec<Version>,
    /// Whether the function refuses what arrives; else it stores it.
    refuses: bool,
}

/// The version that is to be released, and its bytes.
const OLD: &str = "old";
const BYTES: u8 = 7;

fn sum(bytes: u8) -> Sum {
    Sum { size: 1, sha256: bytes.to_string() }
}

impl World {
    fn of(&mut self, name: &str) -> &mut Version {
        let found = self.versions.iter_mut().find(|v| v.name == name);
        found.unwrap_or_else(|| panic!("no {name}"))
    }

    /// How many places hold the bytes that must not be lost; a version that the function is moving counts once.
    fn holders(&self) -> usize {
        let holds = |v: &&Version| v.bytes == BYTES && (v.processing || v.copy);
        self.versions.iter().filter(holds).count()
    }

    fn find(&self, sum_of: &Sum, from: &str, wanted: impl Fn(&Version) -> bool) -> Outcome {
        let mut all = self.versions.iter();
        let found = all.find(|v| v.released_from.as_deref() == Some(from) && sum(v.bytes) == *sum_of && wanted(v));
        Outcome::Found(found.map(|v| v.name.clone()))
    }

    /// One step of the operator, of the release of `name`.
    fn perform(&mut self, name: &str, step: &Step) -> Outcome {
        let there = |v: &Version, is: bool| is.then(|| sum(v.bytes));
        match step {
            Step::InspectSource => Outcome::Source(self.of(name).processing),
            Step::InspectCopy => {
                let of = self.of(name).clone();
                Outcome::Sum(there(&of, of.copy))
            }
            Step::FindReleased(sum) => self.find(sum, name, |v| v.processing),
            Step::FindRefusedAgain(sum) => self.find(sum, name, |v| v.copy),
            Step::InspectCurrent => {
                let mut current = self.versions.iter().rev();
                let current = current.find(|v| v.processing);
                Outcome::Current(current.map(|v| (sum(v.bytes), Some(v.name.clone()))))
            }
            Step::Copy => {
                let made = format!("new{}", self.versions.len());
                let bytes = self.of(name).bytes;
                self.versions.push(Version {
                    name: made.clone(),
                    bytes,
                    released_from: Some(name.to_owned()),
                    processing: true,
                    copy: false,
                    reason: false,
                });
                Outcome::Copied(made)
            }
            Step::InspectPlaced(version) => {
                let of = self.of(version).clone();
                Outcome::Sum(there(&of, of.processing))
            }
            Step::FindRefusal(version) => Outcome::Refused(self.of(version).reason),
            Step::Record(_) => Outcome::Recorded,
            Step::DeleteReason => {
                self.of(name).reason = false;
                Outcome::Deleted
            }
            Step::DeleteCopy => {
                self.of(name).copy = false;
                Outcome::Deleted
            }
            Step::Done(_) | Step::Refuse(_) => unreachable!("{step:?} is no step to perform"),
        }
    }

    /// One step of the function: copy, reason record, deletion of the source.
    fn function(&self) -> Option<Self> {
        let mut world = self.clone();
        let mut moving = world.versions.iter_mut();
        let next = moving.find(|v| self.refuses && v.processing && v.bytes == BYTES)?;
        match (next.copy, next.reason) {
            (false, _) => next.copy = true,
            (true, false) => next.reason = true,
            (true, true) => next.processing = false,
        }
        Some(world)
    }

    /// What `quarantine release KEY` begins with; `None` if nothing of the key is in quarantine.
    fn begin(&self) -> Option<(String, Run, Step)> {
        let found = self.versions.iter().filter(|v| v.copy || v.reason);
        let found: Vec<&Version> = found.collect();
        let candidates: Vec<Candidate> = found
            .iter()
            .map(|v| Candidate {
                version: v.name.clone(),
                released_from: v.released_from.clone(),
                sum: v.copy.then(|| sum(v.bytes)),
            })
            .collect();
        let chosen = match found.as_slice() {
            [] => return None,
            [one] => one,
            _ => {
                let interrupted = interrupted(&candidates);
                let [first, ..] = interrupted.as_slice() else {
                    panic!("which one is to be said, after a release that was killed: {self:?}");
                };
                found[*first]
            }
        };
        let recorded = chosen.reason.then(|| chosen.bytes.to_string());
        let (run, step) = Run::new(recorded, true);
        Some((chosen.name.clone(), run, step))
    }
}

fn old(before: &[u8], refuses: bool) -> World {
    let version = |name: String, bytes: u8, processing: bool| Version {
        name,
        bytes,
        released_from: None,
        processing,
        copy: !processing,
        reason: !processing,
    };
    let mut versions = vec![version(OLD.to_owned(), BYTES, false)];
    let before = before.iter().enumerate();
    versions.extend(before.map(|(n, bytes)| version(format!("before{n}"), *bytes, true)));
    World { versions, refuses }
}

/// The operator's run, the world and how many kills are left.
type State = (World, Option<(String, Run, Step)>, u8);

/// Every next state: a step of the operator, a step of the function, a kill and another run.
fn successors((world, operator, kills): &State) -> Vec<State> {
    let mut next: Vec<State> = world.function().map(|world| (world, operator.clone(), *kills)).into_iter().collect();
    let Some((name, run, step)) = operator else {
        return next;
    };
    if matches!(step, Step::Refuse(Refusal::Moving)) {
        next.push((world.clone(), world.begin(), *kills));
    } else if *kills > 0 {
        next.push((world.clone(), world.begin(), kills - 1));
    }
    if !matches!(step, Step::Done(_) | Step::Refuse(_)) {
        let (mut world, mut run) = (world.clone(), run.clone());
        let outcome = world.perform(name, step);
        let step = run.next(step.clone(), outcome);
        next.push((world, Some((name.clone(), run, step)), *kills));
    }
    next
}

/// Killed three times after any step, with the function at work at any speed in between: the bytes are always
/// somewhere, each next run knows what to do by the key alone, and in the end they are in exactly one place.
#[test]
fn run_it_again_is_always_enough() {
    let mut ends = 0;
    for (before, refuses) in [(&[][..], true), (&[], false), (&[1], true), (&[1], false)] {
        let start = old(before, refuses);
        let begun = start.begin();
        let mut seen = HashSet::new();
        let mut open: Vec<State> = vec![(start, begun, 3)];
        while let Some(state) = open.pop() {
            if !seen.insert(state.clone()) {
                continue;
            }
            let (world, operator, _) = &state;
            assert!(world.holders() > 0, "lost: {state:?}");
            let step = operator.as_ref().map(|(_, _, step)| step);
            let refused = matches!(step, Some(Step::Refuse(why)) if *why != Refusal::Moving);
            assert!(!refused, "refused: {state:?}");
            let next = successors(&state);
            let ended = matches!(step, Some(Step::Done(_)) | None);
            if ended && world.function().is_none() {
                assert_eq!(world.holders(), 1, "in two places: {state:?}");
                let left = world.versions.iter().find(|v| v.name == OLD);
                assert!(left.is_some_and(|v| !v.copy && !v.reason), "left: {state:?}");
                ends += 1;
            }
            open.extend(next);
        }
    }
    assert!(ends > 10, "only {ends} ends were reached");
}

/// What is there with these bytes already is not copied again, and something newer stays current unless it is said.
#[test]
fn what_is_newer_stays_current_unless_it_is_said() {
    for (before, over_newer, expected) in [
        (&[1][..], false, Step::Refuse(Refusal::Newer)),
        (&[7, 1], false, Step::Refuse(Refusal::Newer)),
        (&[1, 7], false, Step::Done(Released::Before(Some("before1".into())))),
        (&[1], true, Step::Done(Released::As("new2".into()))),
    ] {
        let mut world = old(before, false);
        let start = world.clone();
        let (mut run, mut step) = Run::new(Some(BYTES.to_string()), over_newer);
        while !matches!(step, Step::Done(_) | Step::Refuse(_)) {
            let outcome = world.perform(OLD, &step);
            step = run.next(step, outcome);
        }
        assert_eq!(step, expected);
        if step == Step::Refuse(Refusal::Newer) {
            assert_eq!(world, start, "something was changed");
        }
    }
}

#[test]
fn nothing_is_deleted_on_a_doubt() {
    let copy = || Outcome::Sum(Some(sum(7)));
    let found_none = || [Outcome::Found(None), Outcome::Found(None)];
    let copied = |placed: Outcome| {
        let mut all = vec![Outcome::Source(false), copy()];
        all.extend(found_none());
        all.extend([Outcome::Current(None), Outcome::Copied("new".into()), placed]);
        all
    };
    let other = Sum { size: 2, ..sum(7) };
    let mut vanished = copied(Outcome::Sum(None));
    vanished.push(Outcome::Refused(false));
    for (outcomes, why) in [
        (vec![Outcome::Source(true)], Refusal::Moving),
        (vec![Outcome::Source(false), Outcome::Sum(None)], Refusal::NoCopy),
        (vec![Outcome::Source(false), Outcome::Sum(Some(sum(8)))], Refusal::CopyDiffers),
        (copied(Outcome::Sum(Some(other))), Refusal::ArrivedOtherwise),
        (vanished, Refusal::Vanished),
    ] {
        let (mut run, mut step) = Run::new(Some("7".into()), false);
        for outcome in outcomes {
            assert!(!matches!(step, Step::Record(_) | Step::DeleteReason | Step::DeleteCopy));
            step = run.next(step, outcome);
        }
        assert_eq!(step, Step::Refuse(why));
    }
}

/// A deletion has its record first.
#[test]
fn nothing_is_deleted_before_it_is_recorded() {
    let (mut run, mut step) = Run::new(Some("7".into()), false);
    let mut world = old(&[], false);
    let mut recorded = false;
    while !matches!(step, Step::Done(_) | Step::Refuse(_)) {
        let deletes = matches!(step, Step::DeleteReason | Step::DeleteCopy);
        assert!(recorded || !deletes, "{step:?}");
        recorded |= step == Step::Record(Some("new1".into()));
        let outcome = world.perform(OLD, &step);
        step = run.next(step, outcome);
    }
    assert_eq!((run.sha256(), recorded), (Some("7"), true));
}

/// Whoever uploads can write any metadata: it deletes nothing that is not held elsewhere.
#[test]
fn a_claim_to_have_been_released_needs_the_same_bytes() {
    let candidate = |version: &str, from: Option<&str>, bytes: Option<u8>| Candidate {
        version: version.into(),
        released_from: from.map(Into::into),
        sum: bytes.map(sum),
    };
    let old = candidate("old", None, Some(7));
    for (other, expected) in [
        (candidate("new", Some("old"), Some(7)), vec![0]),
        (candidate("new", Some("old"), Some(8)), vec![]),
        (candidate("new", Some("old"), None), vec![]),
        (candidate("new", Some("another"), Some(7)), vec![]),
        (candidate("new", None, Some(7)), vec![]),
    ] {
        assert_eq!(interrupted(&[old.clone(), other]), expected);
    }
    let own = candidate("old", Some("old"), Some(7));
    assert!(interrupted(&[own, candidate("new", None, Some(7))]).is_empty());
}
