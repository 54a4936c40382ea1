//! Arguments that every command takes.

use crate::aws::session::Role;
use crate::outputs::OutputsArgs;
use crate::report::Format;

#[derive(Debug, clap::Args)]
pub(crate) struct Globals {
    #[command(flatten)]
    pub(crate) outputs: OutputsArgs,
    /// Output format; json prints one JSON object per line
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Act as this role instead of the command's own
    #[arg(long = "as", global = true, value_enum, value_name = "ROLE")]
    role: Option<Role>,
}

impl Globals {
    /// The role named with `--as`, otherwise `default`.
    pub(crate) fn role_or(&self, default: Role) -> Role {
        self.role.unwrap_or(default)
    }
}
