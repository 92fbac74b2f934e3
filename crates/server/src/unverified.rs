//! Whether a data folder was ever served to whoever came: with `auth` other than `verify`, as `tidewire dev` does.
//!
//! Anybody may then have made access keys, the root user's among them, and sessions, and they are as good as others once
//! requests are verified. So the first start that does not verify leaves the file `served-unverified` in the folder, and the
//! first one that does says so in the log and takes it away; where the log takes no errors, the next one does. A backup does not
//! carry it.

use crate::config::{Config, Verification};
use crate::mode::Mode;
use crate::whole_file;
use std::fs;
use std::io;

const NOTE: &str = "served-unverified";

const TEXT: &[u8] = b"This folder was served without verifying who asks (see docs/ACCESS.md, \"From dev to serve\").\n";

/// Leaves the note, or warns of it. To be called before anybody is served.
pub(crate) fn note(mode: Mode, config: &Config) -> Result<(), String> {
    if config.ephemeral {
        return Ok(());
    }
    let path = config.data_dir.join(NOTE);
    let failed = |error: io::Error| format!("{}: {error}", path.display());
    match (config.auth(mode) == Verification::Verify, path.exists()) {
        (false, false) => whole_file::make(&path, TEXT, 0o600).map_err(failed),
        (true, true) if tracing::enabled!(tracing::Level::ERROR) => {
            tracing::error!(
                folder = %config.data_dir.display(),
                "this folder was served without verification before: whoever came then may have made access keys, the root \
                 user's too, roles and sessions, and they are good now; look through them"
            );
            fs::remove_file(&path).map_err(failed)
        }
        _ => Ok(()),
    }
}
