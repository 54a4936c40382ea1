//! An object version arrives in a watched bucket: its receipt is written, once and for ever.

pub mod receipt;
