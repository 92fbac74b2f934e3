//! Log lines on standard error, as text or as one JSON object a line.

use crate::config::{Config, LogFormat};
use std::io::IsTerminal;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

/// Sends the program's log where the configuration says. Called once, before anything is logged.
pub(crate) fn start(config: &Config) {
    let levels: Targets = config.log_level.parse().expect("the configuration was checked to hold a filter");
    let lines = fmt::layer().with_writer(std::io::stderr);
    match config.log {
        LogFormat::Json => registry().with(lines.json().flatten_event(true).with_filter(levels)).init(),
        LogFormat::Text => {
            registry().with(lines.with_ansi(std::io::stderr().is_terminal()).with_filter(levels)).init();
        }
    }
}
