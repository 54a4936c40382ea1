//! The steps of a release. Pure: what was found out goes in, the next step comes out.
//!
//! The bytes are in quarantine until they were seen whole in the processing bucket, so a release may be cut off after
//! any step and run again. The reason goes before the copy: what is left in between still has the bytes.
//!
//! ```text
//! InspectCopy -> InspectCurrent -> Copy -> InspectPlaced -> DeleteReason -> DeleteCopy -> done
//!                  same bytes ------------------------------^      |
//!                                              gone -> FindRefusal -^   (judged and refused again in the meantime)
//! ```

/// Size and SHA-256 of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// Size in bytes.
    pub size: u64,
    /// Hexadecimal.
    pub sha256: String,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The sum of the copy in quarantine.
    InspectCopy,
    /// The sum of what is current under the key in the processing bucket.
    InspectCurrent,
    /// Copy it back.
    Copy,
    /// The sum of the version that the copy made.
    InspectPlaced(String),
    /// Is that version in quarantine, with its reason?
    FindRefusal(String),
    /// Delete the reason.
    DeleteReason,
    /// Delete the copy.
    DeleteCopy,
    /// Released.
    Done(Released),
    /// Not released, and nothing was deleted.
    Refuse(Refusal),
}

/// How it was released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Released {
    /// As this version.
    As(String),
    /// The same bytes were current already.
    Before,
    /// As this version, which was judged and refused again already.
    RefusedAgain(String),
}

/// Why it was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no copy.
    NoCopy,
    /// The copy is not what its reason says.
    CopyDiffers,
    /// Something else is current under the key.
    Newer,
    /// What arrived is not the copy.
    ArrivedOtherwise,
    /// What arrived is gone, and nobody says why.
    Vanished,
}

/// What a step found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Of an inspection; `None` if nothing is there.
    Sum(Option<Sum>),
    /// Of the copy: the new version.
    Copied(String),
    /// Of the search for a refusal.
    Refused(bool),
    /// Of a deletion.
    Deleted,
}

/// One release on its way.
pub struct Run {
    /// What the reason says of the bytes.
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
        let run = Self {
            recorded,
            over_newer,
            copy: None,
            released: Released::Before,
        };
        (run, Step::InspectCopy)
    }

    /// Takes what `step` found out.
    pub fn next(&mut self, step: Step, outcome: Outcome) -> Step {
        match (step, outcome) {
            (Step::InspectCopy, Outcome::Sum(Some(sum))) => {
                if self.recorded.as_ref().is_some_and(|r| *r != sum.sha256) {
                    return Step::Refuse(Refusal::CopyDiffers);
                }
                self.copy = Some(sum);
                Step::InspectCurrent
            }
            (Step::InspectCurrent, Outcome::Sum(current)) => match current {
                Some(_) if current == self.copy => Step::DeleteReason,
                Some(_) if !self.over_newer => Step::Refuse(Refusal::Newer),
                _ => Step::Copy,
            },
            (Step::Copy, Outcome::Copied(version)) => Step::InspectPlaced(version),
            (Step::InspectPlaced(version), Outcome::Sum(Some(sum))) => {
                if Some(&sum) != self.copy.as_ref() {
                    return Step::Refuse(Refusal::ArrivedOtherwise);
                }
                self.released = Released::As(version);
                Step::DeleteReason
            }
            (Step::InspectPlaced(version), Outcome::Sum(None)) => Step::FindRefusal(version),
            (Step::FindRefusal(version), Outcome::Refused(true)) => {
                self.released = Released::RefusedAgain(version);
                Step::DeleteReason
            }
            (Step::DeleteReason, Outcome::Deleted) => Step::DeleteCopy,
            (Step::DeleteCopy, Outcome::Deleted) => Step::Done(self.released.clone()),
            (Step::InspectCopy, _) => Step::Refuse(Refusal::NoCopy),
            _ => Step::Refuse(Refusal::Vanished),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both buckets, as far as one key is concerned. Bytes are numbers.
    #[derive(Debug, Clone, Default)]
    struct World {
        copy: Option<u8>,
        reason: bool,
        /// Versions under the key, the current one last.
        processing: Vec<u8>,
        /// Versions that were released and refused again.
        refused_again: Vec<u8>,
        /// Whether the function takes what arrives at once.
        eager: bool,
    }

    impl World {
        fn holds(&self, bytes: u8) -> bool {
            let places = self
                .processing
                .iter()
                .chain(&self.refused_again)
                .chain(&self.copy);
            places.copied().any(|b| b == bytes)
        }

        fn perform(&mut self, step: &Step) -> Outcome {
            let sum = |bytes: Option<u8>| {
                Outcome::Sum(bytes.map(|b| Sum {
                    size: 1,
                    sha256: b.to_string(),
                }))
            };
            match step {
                Step::InspectCopy => sum(self.copy),
                Step::InspectCurrent => sum(self.processing.last().copied()),
                Step::Copy => {
                    let place = if self.eager {
                        &mut self.refused_again
                    } else {
                        &mut self.processing
                    };
                    place.extend(self.copy);
                    Outcome::Copied("new".into())
                }
                Step::InspectPlaced(_) if self.eager => sum(None),
                Step::InspectPlaced(_) => sum(self.processing.last().copied()),
                Step::FindRefusal(_) => Outcome::Refused(!self.refused_again.is_empty()),
                Step::DeleteReason => {
                    self.reason = false;
                    Outcome::Deleted
                }
                Step::DeleteCopy => {
                    self.copy = None;
                    Outcome::Deleted
                }
                Step::Done(_) | Step::Refuse(_) => unreachable!("{step:?} is no step to perform"),
            }
        }

        /// Runs until the end, or until `steps` were performed.
        fn release(&mut self, over_newer: bool, steps: usize) -> Option<Step> {
            let recorded = self.reason.then(|| "7".to_owned());
            let (mut run, mut step) = Run::new(recorded, over_newer);
            for _ in 0..steps {
                if matches!(step, Step::Done(_) | Step::Refuse(_)) {
                    return Some(step);
                }
                let outcome = self.perform(&step);
                assert!(self.holds(7), "the bytes are lost after {step:?}: {self:?}");
                step = run.next(step, outcome);
            }
            matches!(step, Step::Done(_) | Step::Refuse(_)).then_some(step)
        }
    }

    fn worlds() -> impl Iterator<Item = World> {
        let before: [&[u8]; 4] = [&[], &[7], &[1], &[7, 1]];
        before.into_iter().flat_map(|processing| {
            [false, true].map(|eager| World {
                copy: Some(7),
                reason: true,
                processing: processing.to_vec(),
                refused_again: Vec::new(),
                eager,
            })
        })
    }

    /// Cut off after any step and after any step of the second run too, the bytes are never lost, and the third run ends.
    #[test]
    fn a_release_survives_being_cut_off_anywhere() {
        for start in worlds() {
            for (first, second) in (0..9).flat_map(|a| (0..9).map(move |b| (a, b))) {
                let mut world = start.clone();
                let mut ended = None;
                for steps in [first, second, 100] {
                    if world.copy.is_some() {
                        ended = world.release(true, steps);
                    }
                }
                assert!(
                    ended.is_none() || matches!(ended, Some(Step::Done(_))),
                    "{start:?} {ended:?}"
                );
                assert_eq!(
                    (world.copy, world.reason),
                    (None, false),
                    "{start:?} {first} {second}"
                );
                assert!(world.holds(7));
            }
        }
    }

    #[test]
    fn what_is_newer_stays_current_unless_it_is_said() {
        for start in worlds().filter(|w| w.processing.last() == Some(&1)) {
            let mut world = start.clone();
            assert_eq!(
                world.release(false, 100),
                Some(Step::Refuse(Refusal::Newer))
            );
            assert_eq!(
                (world.copy, world.reason, &world.processing),
                (Some(7), true, &start.processing)
            );
        }
    }

    #[test]
    fn nothing_is_deleted_on_a_doubt() {
        let doubts: [(Vec<Outcome>, Refusal); 4] = [
            (vec![Outcome::Sum(None)], Refusal::NoCopy),
            (
                vec![Outcome::Sum(Some(Sum {
                    size: 1,
                    sha256: "8".into(),
                }))],
                Refusal::CopyDiffers,
            ),
            (
                vec![
                    Outcome::Sum(Some(Sum {
                        size: 1,
                        sha256: "7".into(),
                    })),
                    Outcome::Sum(None),
                    Outcome::Copied("new".into()),
                    Outcome::Sum(Some(Sum {
                        size: 2,
                        sha256: "7".into(),
                    })),
                ],
                Refusal::ArrivedOtherwise,
            ),
            (
                vec![
                    Outcome::Sum(Some(Sum {
                        size: 1,
                        sha256: "7".into(),
                    })),
                    Outcome::Sum(None),
                    Outcome::Copied("new".into()),
                    Outcome::Sum(None),
                    Outcome::Refused(false),
                ],
                Refusal::Vanished,
            ),
        ];
        for (outcomes, why) in doubts {
            let (mut run, mut step) = Run::new(Some("7".into()), false);
            for outcome in outcomes {
                assert!(!matches!(step, Step::DeleteReason | Step::DeleteCopy));
                step = run.next(step, outcome);
            }
            assert_eq!(step, Step::Refuse(why));
        }
    }
}
