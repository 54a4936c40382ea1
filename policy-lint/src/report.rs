//! Ways to show a report; nothing but these and `main` writes to the terminal.
pub mod json;
pub mod text;
