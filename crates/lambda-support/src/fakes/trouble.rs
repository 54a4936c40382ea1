/// What befalls one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Broken {
    /// Nothing; the call is made and answered.
    Fine,
    /// The call fails before it has an effect.
    Refused,
    /// The call has its effect, and its answer is lost.
    AnswerLost,
}

/// Decides what befalls each call, reproducibly: a splitmix64 stream from a seed.
#[derive(Debug, Clone)]
pub struct Trouble {
    state: u64,
    per_thousand: u64,
}

impl Trouble {
    /// Trouble for this many of a thousand calls, half before and half after the effect.
    #[must_use]
    pub fn new(seed: u64, per_thousand: u64) -> Self {
        Self { state: seed, per_thousand }
    }

    /// A number that looks random.
    pub fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// What befalls the next call.
    pub fn next_call(&mut self) -> Broken {
        let number = self.number();
        if number % 1000 >= self.per_thousand {
            Broken::Fine
        } else if (number >> 32).is_multiple_of(2) {
            Broken::Refused
        } else {
            Broken::AnswerLost
        }
    }
}
