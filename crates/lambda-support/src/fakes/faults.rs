/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InjectedFault {
    /// Nothing: the call takes effect and its response arrives.
    None,
    /// The call fails without taking effect.
    Rejected,
    /// The call takes effect, and its response is lost.
    ResponseLost,
}

/// Decides what happens to each call, reproducibly: a splitmix64 sequence from a seed.
#[derive(Debug, Clone)]
pub struct FaultInjector {
    state: u64,
    faults_per_thousand: u64,
}

impl FaultInjector {
    /// Injects faults into this many of a thousand calls: half rejected, half with a lost response.
    #[must_use]
    pub fn new(seed: u64, faults_per_thousand: u64) -> Self {
        Self { state: seed, faults_per_thousand }
    }

    /// The next pseudo-random number.
    pub fn next_number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// What happens to the next call.
    pub fn next_call(&mut self) -> InjectedFault {
        let number = self.next_number();
        if number % 1000 >= self.faults_per_thousand {
            InjectedFault::None
        } else if (number >> 32).is_multiple_of(2) {
            InjectedFault::Rejected
        } else {
            InjectedFault::ResponseLost
        }
    }
}
