//! `verify`: compares records with the signed ledger, and versions with their receipts.
//!
//! The comparisons are pure ([`chain`], [`evidence`], [`versions`]). Their input is a folder ([`folder_verification`]) or
//! the buckets ([`bucket_verification`]). What cannot be read is printed, and the verification continues.

mod args;
mod bucket_evidence;
mod bucket_verification;
mod chain;
mod content_check;
mod delivered_files;
mod evidence;
#[cfg(test)]
mod evidence_fixture;
mod finding;
mod folder_evidence;
mod folder_verification;
mod public_keys;
mod quarantine_copies;
mod resume_file;
mod summary;
#[cfg(test)]
mod tamper;
#[cfg(test)]
mod tests;
mod versions;

use anyhow::bail;

use crate::globals::Globals;
use crate::report::{ExitStatus, Report};
pub(crate) use args::VerifyArgs;
use public_keys::PublicKeys;

pub(crate) async fn run(globals: &Globals, args: &VerifyArgs, report: &mut Report) -> anyhow::Result<ExitStatus> {
    let public_keys = args.public_key.as_deref().map(PublicKeys::read).transpose()?;
    match (&args.offline, public_keys) {
        (Some(folder), Some(public_keys)) => folder_verification::run(folder, &public_keys, args, report),
        (Some(_), None) => bail!("no public key: pass --public-key"),
        (None, public_keys) => bucket_verification::run(globals, args, public_keys, report).await,
    }
}
