//! The steps of a release. Pure: what was found out goes in, the next step comes out.
//!
//! The bytes are in quarantine until they were seen whole in the processing bucket, so a release may be cut off after
//! any step and run again. What the copy makes carries the version-id that it was released from, and keeps it when it is
//! refused again, so a later run recognises it wherever the function has moved it, and finishes the rest. It is looked
//! for in the processing bucket first, then in quarantine: the function moves it in that direction only.
//! The function deletes the version that it refuses last: while that is still in the processing bucket the function is
//! not done, and would delete it after a release that found its bytes there. So nothing begins before it is gone.
//! The reason record is deleted before the copy: what is left in between still has the bytes.
//!
//! ```text
//! InspectSource -> InspectCopy -> FindReleased -> FindRefusedAgain -> InspectCurrent -> Copy -> InspectPlaced
//!                                    found            found             same bytes                 |     gone
//!                                      |                |                    |                     |  FindRefusal
//!                                      +----------------+--------------------+---------------------+------+
//!                                                                                       v
//!                                                                  Record -> DeleteReason -> DeleteCopy -> done
//! ```

/// Size and SHA-256 of an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sum {
    /// Size in bytes.
    pub size: u64,
    /// Hexadecimal.
    pub sha256: String,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// Is the refused version itself still in the processing bucket?
    InspectSource,
    /// The sum of the copy in quarantine.
    InspectCopy,
    /// Is there a version in the processing bucket with this sum that was released from this one?
    FindReleased(Sum),
    /// Is there one in quarantine?
    FindRefusedAgain(Sum),
    /// The sum of what is current under the key in the processing bucket.
    InspectCurrent,
    /// Copy it back.
    Copy,
    /// The sum of the version that the copy made.
    InspectPlaced(String),
    /// Is that version in quarantine, with its reason record?
    FindRefusal(String),
    /// Write the operator record: it is released, as this version where that is known.
    Record(Option<String>),
    /// Delete the reason record.
    DeleteReason,
    /// Delete the copy.
    DeleteCopy,
    /// Released.
    Done(Released),
    /// Not released, and nothing was deleted.
    Refuse(Refusal),
}

/// How it was released.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Released {
    /// As this version.
    As(String),
    /// The same bytes were current already, as this version.
    Before(Option<String>),
    /// As this version, which was judged and refused again already.
    RefusedAgain(String),
}

/// Why it was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The function has not finished moving it.
    Moving,
    /// There is no copy.
    NoCopy,
    /// The copy is not what its reason record says.
    CopyDiffers,
    /// Something else is current under the key.
    Newer,
    /// What arrived is not the copy.
    ArrivedOtherwise,
    /// What arrived is gone, and nothing says why.
    Vanished,
}

/// What a step found out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Of an inspection; `None` if nothing is there.
    Sum(Option<Sum>),
    /// Whether the refused version is still there.
    Source(bool),
    /// Of a search: the version that was found.
    Found(Option<String>),
    /// Of the copy: the new version.
    Copied(String),
    /// Of the search for a refusal.
    Refused(bool),
    /// Of a look at what is current: its sum and version.
    Current(Option<(Sum, Option<String>)>),
    /// The operator record is written.
    Recorded,
    /// Of a deletion.
    Deleted,
}

/// One release on its way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Run {
    /// What the reason record says of the bytes.
    pub recorded: Option<String>,
    /// Whether something else may be current.
    pub over_newer: bool,
    copy: Option<Sum>,
    released: Released,
}

impl Run {
    /// Begins.
    #[must_use]
    pub fn new(recorded: Option<String>, over_newer: bool) -> (Self, Step) {
        let run = Self { recorded, over_newer, copy: None, released: Released::Before(None) };
        (run, Step::InspectSource)
    }

    /// Takes what `step` found out.
    pub fn next(&mut self, step: Step, outcome: Outcome) -> Step {
        match (step, outcome) {
            (Step::InspectSource, Outcome::Source(false)) => Step::InspectCopy,
            (Step::InspectSource, _) => Step::Refuse(Refusal::Moving),
            (Step::InspectCopy, Outcome::Sum(Some(sum))) => {
                if self.recorded.as_ref().is_some_and(|r| *r != sum.sha256) {
                    return Step::Refuse(Refusal::CopyDiffers);
                }
                self.copy = Some(sum.clone());
                Step::FindReleased(sum)
            }
            (Step::FindReleased(_), Outcome::Found(Some(version))) => self.released(Released::As(version)),
            (Step::FindReleased(sum), Outcome::Found(None)) => Step::FindRefusedAgain(sum),
            (Step::FindRefusedAgain(_), Outcome::Found(Some(version))) => {
                self.released(Released::RefusedAgain(version))
            }
            (Step::FindRefusedAgain(_), Outcome::Found(None)) => Step::InspectCurrent,
            (Step::InspectCurrent, Outcome::Current(current)) => match current {
                Some((sum, version)) if Some(&sum) == self.copy.as_ref() => self.released(Released::Before(version)),
                Some(_) if !self.over_newer => Step::Refuse(Refusal::Newer),
                _ => Step::Copy,
            },
            (Step::Copy, Outcome::Copied(version)) => Step::InspectPlaced(version),
            (Step::InspectPlaced(version), Outcome::Sum(Some(sum))) => {
                if Some(&sum) != self.copy.as_ref() {
                    return Step::Refuse(Refusal::ArrivedOtherwise);
                }
                self.released(Released::As(version))
            }
            (Step::InspectPlaced(version), Outcome::Sum(None)) => Step::FindRefusal(version),
            (Step::FindRefusal(version), Outcome::Refused(true)) => self.released(Released::RefusedAgain(version)),
            (Step::Record(_), Outcome::Recorded) => Step::DeleteReason,
            (Step::DeleteReason, Outcome::Deleted) => Step::DeleteCopy,
            (Step::DeleteCopy, Outcome::Deleted) => Step::Done(self.released.clone()),
            (Step::InspectCopy, _) => Step::Refuse(Refusal::NoCopy),
            _ => Step::Refuse(Refusal::Vanished),
        }
    }

    /// The bytes are in the processing bucket or were moved on from there: what remains is to record it and to delete.
    fn released(&mut self, released: Released) -> Step {
        self.released = released;
        Step::Record(match &self.released {
            Released::As(version) | Released::RefusedAgain(version) => Some(version.clone()),
            Released::Before(version) => version.clone(),
        })
    }

    /// The SHA-256 of the copy, once it is known.
    #[must_use]
    pub fn sha256(&self) -> Option<&str> {
        self.copy.as_ref().map(|sum| sum.sha256.as_str())
    }
}

/// A version of a key in quarantine, of which several are there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Candidate {
    /// Its version-id.
    pub version: String,
    /// The version that it was released from, as its copy says.
    pub released_from: Option<String>,
    /// The sum of its copy.
    pub sum: Option<Sum>,
}

/// The versions whose release is to be finished: another one was released from them, has the same bytes and was refused
/// again. Whoever uploads can claim to have been released from a version, so the same bytes are asked for: then nothing
/// is lost with the copy.
#[must_use]
pub fn interrupted(candidates: &[Candidate]) -> Vec<usize> {
    let follows = |of: &Candidate, other: &Candidate| {
        other.version != of.version
            && other.released_from.as_ref() == Some(&of.version)
            && of.sum.is_some()
            && other.sum == of.sum
    };
    let all = candidates.iter().enumerate();
    let chosen = all.filter(|(_, of)| candidates.iter().any(|other| follows(of, other)));
    chosen.map(|(place, _)| place).collect()
}

#[cfg(test)]
mod tests;
