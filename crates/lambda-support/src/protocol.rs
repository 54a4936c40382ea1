//! A Lambda's decisions as a state machine, and the loop that runs it.
//!
//! A protocol is pure: it receives what an effect returned and answers with the next effect. It has no client, no clock
//! and no environment, so tests can clone, compare and hash its state and explore every order of events. The effects are
//! the AWS calls of the Lambda, and so the list of its permissions.

use std::fmt::Debug;
use std::hash::Hash;

use sluice_types::Timestamp;

use crate::batch::Fault;

/// The state machine of one delivery, or of one scheduled run.
pub trait Protocol: Debug + Clone + Eq + Hash + Sized {
    /// What starts it.
    type Request;
    /// What the deployment decides; the same for every run.
    type Config;
    /// What it asks for: one AWS call, or several of one kind.
    type Effect;
    /// What an effect returned.
    type EffectResult;
    /// What the request led to.
    type Verdict;

    /// Starts at time `now`: the initial state and the first step.
    fn start(request: Self::Request, config: &Self::Config, now: Timestamp) -> (Self, StepOf<Self>);

    /// Takes the result, received at time `now`, of the effect that was requested last.
    fn next(&mut self, config: &Self::Config, result: Self::EffectResult, now: Timestamp) -> StepOf<Self>;
}

/// What a protocol wants next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<Effect, Verdict> {
    /// Perform this effect and pass its result to [`Protocol::next`].
    Perform(Effect),
    /// The request is dealt with.
    Done(Verdict),
    /// The request fails and is retried from the start.
    Fault(Fault),
}

/// The step of a protocol.
pub type StepOf<P> = Step<<P as Protocol>::Effect, <P as Protocol>::Verdict>;

/// The fault of a protocol that receives a result which does not belong to the effect it asked for.
pub fn unexpected(state: &impl Debug, result: &impl Debug) -> Fault {
    Fault::new("protocol", format!("unexpected {result:?} in state {state:?}"))
}

/// Performs the effects of one protocol: all calls to AWS, and what the log says about them.
pub trait Performer<P: Protocol>: Send {
    /// Performs `effect`, which `protocol` asks for.
    ///
    /// # Errors
    /// When the call may succeed later. What is permanent is a result.
    fn perform(
        &mut self,
        protocol: &P,
        effect: &P::Effect,
    ) -> impl Future<Output = Result<P::EffectResult, Fault>> + Send;
}

/// Runs a protocol from `first` to its verdict. If the returned future is dropped, for example at a deadline, `state`
/// is as before the effect that was in progress.
///
/// # Errors
/// The fault of the protocol, or of the effect that failed.
pub async fn drive<P: Protocol>(
    state: &mut P,
    first: StepOf<P>,
    config: &P::Config,
    performer: &mut impl Performer<P>,
) -> Result<P::Verdict, Fault> {
    let mut step = first;
    loop {
        let effect = match step {
            Step::Perform(effect) => effect,
            Step::Done(verdict) => return Ok(verdict),
            Step::Fault(fault) => return Err(fault),
        };
        let result = performer.perform(state, &effect).await?;
        step = state.next(config, result, Timestamp::now());
    }
}
