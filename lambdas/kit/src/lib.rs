//! What every Sluice Lambda shares.
