//! The item of a valid version is stored, or the item under its table key determines the outcome.

use lambda_support::protocol::unexpected;

use super::state::{State, Storing};
use super::{IngestProtocol, Step};
use crate::deployment::Deployment;
use crate::effect::{Effect, EffectResult};
use crate::item::Item;
use crate::outcome::Outcome;
use crate::problem::Problem;
use crate::source::Source;
use crate::validate::InvalidItem;
use crate::verdict::Verdict;

impl IngestProtocol {
    pub(super) fn storing(&mut self, deployment: &Deployment, state: Storing, result: EffectResult) -> Step {
        match (state, result) {
            (Storing::PuttingItem, EffectResult::Stored) => self.finish(deployment, self.verdict(Outcome::Stored)),
            (Storing::PuttingItem, EffectResult::Occupied(other)) => self.occupied(deployment, other),
            (Storing::PuttingItem, EffectResult::Rejected(message)) => {
                self.quarantine(Outcome::Invalid, vec![Problem::new("", "dynamodb", message)], None)
            }
            (Storing::FindingItem(problems), EffectResult::ItemSource(found)) => match found {
                Some(source) if source.version == self.source.version => {
                    self.finish(deployment, self.verdict(Outcome::Redelivered))
                }
                _ => self.quarantine(Outcome::Invalid, problems, None),
            },
            (state, result) => Step::Fault(unexpected(&state, &result)),
        }
    }

    pub(super) fn store(&mut self, item: Item) -> Step {
        self.perform(State::Storing(Storing::PuttingItem), Effect::Store(item))
    }

    /// The object is not a valid item. It is quarantined, unless it was stored under an earlier schema.
    pub(super) fn invalid(&mut self, invalid: InvalidItem) -> Step {
        let InvalidItem { problems, table_key } = invalid;
        match table_key {
            Some(key) => self.perform(State::Storing(Storing::FindingItem(problems)), Effect::FindItem(key)),
            None => self.quarantine(Outcome::Invalid, problems, None),
        }
    }

    /// The table has an item with this key, stored from `other`.
    fn occupied(&mut self, deployment: &Deployment, other: Option<Source>) -> Step {
        match other {
            Some(other) if other.version == self.source.version => {
                self.finish(deployment, self.verdict(Outcome::Redelivered))
            }
            Some(other) if other.sha256.is_some() && other.sha256 == self.source.sha256 => {
                let verdict = Verdict { other: Some(other), ..self.verdict(Outcome::Duplicate) };
                self.finish(deployment, verdict)
            }
            other => {
                let message = "the table has an item with this key and other content";
                self.quarantine(Outcome::Conflict, vec![Problem::new("", "conflict", message)], other)
            }
        }
    }
}
