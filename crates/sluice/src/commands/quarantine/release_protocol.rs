//! The protocol of a release: a pure state machine. The result of a step goes in, the next step comes out.
//!
//! The bytes stay in quarantine until they were verified in the processing bucket, so a release may be interrupted after
//! any step and run again. The new version carries the version-id that it was released from and keeps it when it is
//! refused again, so a later run finds it wherever the function moved it and completes the remaining steps. The search
//! starts in the processing bucket and continues in quarantine, because the function moves versions in that direction
//! only. The function deletes the version that it refuses last: while that version is still in the processing bucket,
//! the function is not done and could delete it after a release had found its bytes there. A release therefore waits
//! until it is gone. The reason record is deleted before the copy, so that what remains in between still has the bytes.
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
pub(super) struct ContentDigest {
    /// In bytes.
    pub(super) size: u64,
    /// Hexadecimal.
    pub(super) sha256: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Step {
    /// Check whether the refused version is still in the processing bucket.
    InspectSource,
    /// Read the digest of the copy in quarantine.
    InspectCopy,
    /// Find a version in the processing bucket with this digest that was released from this one.
    FindReleased(ContentDigest),
    /// Find such a version in quarantine.
    FindRefusedAgain(ContentDigest),
    /// Read the digest of the current object under the key in the processing bucket.
    InspectCurrent,
    /// Copy the version back.
    Copy,
    /// Read the digest of the version that the copy created.
    InspectPlaced(String),
    /// Check whether that version is in quarantine, with its reason record.
    FindRefusal(String),
    /// Write the operator record, with the new version-id if it is known.
    Record(Option<String>),
    DeleteReason,
    DeleteCopy,
    Done(Released),
    /// Nothing was deleted.
    Refuse(ReleaseRefusal),
}

/// How a version was released.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Released {
    /// As this version.
    As(String),
    /// The current object already had the same bytes; its version.
    Before(Option<String>),
    /// As this version, which was validated and refused again.
    RefusedAgain(String),
}

/// Why a version was not released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum ReleaseRefusal {
    /// The function has not finished moving the version to quarantine.
    StillMoving,
    NoCopy,
    /// The copy does not have the SHA-256 of the reason record.
    CopyDiffers,
    /// Another object is current under the key.
    NewerObject,
    /// The version that the copy created has other bytes.
    ArrivedDifferent,
    /// The version that the copy created is gone and not in quarantine.
    Vanished,
}

/// The result of a step.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum StepResult {
    /// Of an inspection; `None` if the object does not exist.
    Digest(Option<ContentDigest>),
    /// Whether the refused version is still in the processing bucket.
    Source(bool),
    /// Of a search: the version-id found.
    Found(Option<String>),
    /// The new version-id.
    Copied(String),
    /// Whether the new version was refused.
    Refused(bool),
    /// Digest and version-id of the current object.
    Current(Option<(ContentDigest, Option<String>)>),
    Recorded,
    Deleted,
}

/// The state of one release.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ReleaseProtocol {
    /// SHA-256 of the version according to its reason record.
    recorded_sha256: Option<String>,
    over_newer: bool,
    copy: Option<ContentDigest>,
    released: Released,
}

impl ReleaseProtocol {
    /// The initial state and the first step. `over_newer` allows another current object under the key.
    pub(super) fn start(recorded_sha256: Option<String>, over_newer: bool) -> (Self, Step) {
        let protocol = Self { recorded_sha256, over_newer, copy: None, released: Released::Before(None) };
        (protocol, Step::InspectSource)
    }

    /// The step after `step`, given its result.
    pub(super) fn next(&mut self, step: Step, result: StepResult) -> Step {
        match (step, result) {
            (Step::InspectSource, StepResult::Source(false)) => Step::InspectCopy,
            (Step::InspectSource, _) => Step::Refuse(ReleaseRefusal::StillMoving),
            (Step::InspectCopy, StepResult::Digest(Some(digest))) => self.after_copy_inspected(digest),
            (Step::InspectCopy, _) => Step::Refuse(ReleaseRefusal::NoCopy),
            (Step::FindReleased(_), StepResult::Found(Some(version_id))) => self.finish_as(Released::As(version_id)),
            (Step::FindReleased(digest), StepResult::Found(None)) => Step::FindRefusedAgain(digest),
            (Step::FindRefusedAgain(_), StepResult::Found(Some(version_id))) => {
                self.finish_as(Released::RefusedAgain(version_id))
            }
            (Step::FindRefusedAgain(_), StepResult::Found(None)) => Step::InspectCurrent,
            (Step::InspectCurrent, StepResult::Current(current)) => match current {
                Some((digest, version_id)) if Some(&digest) == self.copy.as_ref() => {
                    self.finish_as(Released::Before(version_id))
                }
                Some(_) if !self.over_newer => Step::Refuse(ReleaseRefusal::NewerObject),
                _ => Step::Copy,
            },
            (Step::Copy, StepResult::Copied(version_id)) => Step::InspectPlaced(version_id),
            (Step::InspectPlaced(version_id), StepResult::Digest(Some(digest))) => {
                if Some(&digest) != self.copy.as_ref() {
                    return Step::Refuse(ReleaseRefusal::ArrivedDifferent);
                }
                self.finish_as(Released::As(version_id))
            }
            (Step::InspectPlaced(version_id), StepResult::Digest(None)) => Step::FindRefusal(version_id),
            (Step::FindRefusal(version_id), StepResult::Refused(true)) => {
                self.finish_as(Released::RefusedAgain(version_id))
            }
            (Step::Record(_), StepResult::Recorded) => Step::DeleteReason,
            (Step::DeleteReason, StepResult::Deleted) => Step::DeleteCopy,
            (Step::DeleteCopy, StepResult::Deleted) => Step::Done(self.released.clone()),
            _ => Step::Refuse(ReleaseRefusal::Vanished),
        }
    }

    fn after_copy_inspected(&mut self, digest: ContentDigest) -> Step {
        if self.recorded_sha256.as_ref().is_some_and(|recorded| *recorded != digest.sha256) {
            return Step::Refuse(ReleaseRefusal::CopyDiffers);
        }
        self.copy = Some(digest.clone());
        Step::FindReleased(digest)
    }

    /// The bytes are in the processing bucket, or the function moved them on from there: what remains is to write the
    /// operator record and to delete the objects in quarantine.
    fn finish_as(&mut self, released: Released) -> Step {
        let version_id = match &released {
            Released::As(version_id) | Released::RefusedAgain(version_id) => Some(version_id.clone()),
            Released::Before(version_id) => version_id.clone(),
        };
        self.released = released;
        Step::Record(version_id)
    }

    /// The SHA-256 of the copy, once it is known.
    pub(super) fn sha256(&self) -> Option<&str> {
        self.copy.as_ref().map(|digest| digest.sha256.as_str())
    }
}

/// One of several versions of a key in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Candidate {
    pub(super) version_id: String,
    /// The version-id that it was released from, according to the metadata of its copy.
    pub(super) released_from: Option<String>,
    /// The digest of its copy.
    pub(super) digest: Option<ContentDigest>,
}

/// The indexes of versions whose release was interrupted: another version was released from them, has the same bytes and
/// was refused again. An uploader can set the metadata at will; because the bytes must be equal, nothing is lost when
/// the copy is deleted.
pub(super) fn find_interrupted(candidates: &[Candidate]) -> Vec<usize> {
    let was_released_as = |candidate: &Candidate, other: &Candidate| {
        other.version_id != candidate.version_id
            && other.released_from.as_ref() == Some(&candidate.version_id)
            && candidate.digest.is_some()
            && other.digest == candidate.digest
    };
    let interrupted = candidates
        .iter()
        .enumerate()
        .filter(|(_, candidate)| candidates.iter().any(|other| was_released_as(candidate, other)));
    interrupted.map(|(index, _)| index).collect()
}

#[cfg(test)]
mod tests;
