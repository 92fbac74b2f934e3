//! Generated text through rustfmt, which finds the workspace's own rules in the folder where every command is started.

use std::io::Write;
use std::process::Stdio;

use crate::process;

/// The text, formatted; an error if it is no Rust.
pub(super) fn rustfmt(text: &str) -> Result<String, String> {
    let mut command = process::command("rustfmt", &["--edition", "2024", "--emit", "stdout"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("rustfmt: {error}"))?;
    // rustfmt reads everything before it writes anything, so filling the pipe first cannot block both.
    let mut input = child.stdin.take().expect("stdin was asked for as a pipe two lines above");
    input.write_all(text.as_bytes()).map_err(|error| format!("rustfmt: {error}"))?;
    drop(input);
    let output = child.wait_with_output().map_err(|error| format!("rustfmt: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("rustfmt: {}: {}", output.status, process::last_lines(&said, 5)));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("rustfmt: {error}"))
}
