//! The socket at which a server takes requests of its own operator: `control.sock` in the data folder.
//!
//! A file's permissions guard it (0600, the server's owner), no port does, so that no web page and no client of an API can
//! reach it (ADR 0010). One line of JSON asks, lines of JSON answer; the last one has `done` or `error`.

use crate::tools::backup::{self, CONTROL};
use crate::tools::keys;
use engine::Store;
use journal::backup::BackupError;
use serde_json::{Value, json};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixSocket, UnixStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// The longest request: the name of a folder and a few words.
const REQUEST_BYTES_MAX: u64 = 16 << 10;

/// How long a client may take for its one line.
const PATIENCE: Duration = Duration::from_secs(10);

/// Clients that wait for the one before them to be served.
const CLIENTS_WAITING: u32 = 16;

/// Answers that wait for a slow client; more than these are left out, but for the last.
const ANSWERS_WAITING: usize = 64;

/// The socket; its name goes with it.
pub(crate) struct Control {
    listener: UnixListener,
    folder: PathBuf,
}

impl Control {
    /// Listens in the data folder, which this process has locked: a socket that is there already is a dead server's.
    pub(crate) fn listen(folder: &Path) -> io::Result<Self> {
        let path = folder.join(CONTROL);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        Ok(Self { listener: named(&path)?.listen(CLIENTS_WAITING)?, folder: folder.to_owned() })
    }

    /// Serves one client after the other, for as long as it is polled.
    pub(crate) async fn serve(self, store: Arc<Store>) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    // A client that goes away has its answer, or does not want it any more.
                    let _ = answer(stream, &self.folder, &store).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "a request of the operator could not be taken");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.folder.join(CONTROL));
    }
}

/// A socket with a name, which is its owner's before it listens: until then nobody can connect, whatever the umask.
fn named(path: &Path) -> io::Result<UnixSocket> {
    let socket = UnixSocket::new_stream()?;
    socket.bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(socket)
}

async fn answer(stream: UnixStream, folder: &Path, store: &Arc<Store>) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let mut reader = BufReader::new(read.take(REQUEST_BYTES_MAX));
    timeout(PATIENCE, reader.read_line(&mut line)).await.map_err(io::Error::from)??;
    if asks_for_a_key(&line) {
        let store = Arc::clone(store);
        let rotated = tokio::task::spawn_blocking(move || rotate(&store)).await;
        let last = rotated.unwrap_or_else(|_| json!({ "error": "it panicked; the log says where" }));
        return write.write_all(format!("{last}\n").as_bytes()).await;
    }
    let Some(to) = folder_asked_for(&line) else {
        let refusal = json!({ "error": "the request is none that this version knows", "refused": true });
        return write.write_all(format!("{refusal}\n").as_bytes()).await;
    };
    let (answers, mut answered) = mpsc::channel(ANSWERS_WAITING);
    let (store, folder) = (Arc::clone(store), folder.to_owned());
    let work = tokio::task::spawn_blocking(move || back_up(&store, &folder, &to, &answers));
    while let Some(line) = answered.recv().await {
        // The backup goes on whether or not somebody watches.
        let _ = write.write_all(format!("{line}\n").as_bytes()).await;
    }
    let last = work.await.unwrap_or_else(|_| json!({ "error": "the backup panicked; the log says where" }));
    write.write_all(format!("{last}\n").as_bytes()).await
}

fn folder_asked_for(line: &str) -> Option<PathBuf> {
    let request: Value = serde_json::from_str(line).ok()?;
    let to = PathBuf::from(request["backup"]["to"].as_str()?);
    to.is_absolute().then_some(to)
}

fn asks_for_a_key(line: &str) -> bool {
    serde_json::from_str::<Value>(line).is_ok_and(|request| request["keys"] == "rotate")
}

/// Makes a new data key; returns the answer.
fn rotate(store: &Store) -> Value {
    let Some(keyring) = store.keyring() else {
        return json!({ "error": "this server keeps nothing on disk", "refused": true });
    };
    match keyring.rotate(store.clock().now()) {
        Ok(id) => {
            tracing::info!(key = format!("{id:08x}"), "a new data key seals from now on, as the operator asked");
            json!({ "done": keys::rotated(id) })
        }
        Err(error) => {
            tracing::error!(%error, "no new data key was made");
            json!({ "error": error.to_string() })
        }
    }
}

/// Makes the backup on this thread; returns the last line of the answer.
fn back_up(store: &Store, folder: &Path, to: &Path, answers: &mpsc::Sender<Value>) -> Value {
    let mut percent = None;
    let mut progress = |done: u64, all: u64| {
        let now = done.saturating_mul(100).checked_div(all);
        if now != percent {
            percent = now;
            let _ = answers.try_send(json!({ "bytes": done, "all": all }));
        }
    };
    let copied = backup::into(folder, to, &mut progress, |target, terms| store.backup(target, terms));
    match copied {
        Ok(copied) => {
            tracing::info!(to = %to.display(), position = copied.last.get(), bytes = copied.bytes, "backed up");
            json!({ "done": backup::sentence(to, &copied) })
        }
        Err(error) => {
            tracing::warn!(to = %to.display(), %error, "the backup failed");
            json!({ "error": error.to_string(), "refused": matches!(error, BackupError::Refused(_)) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_connects_before_the_socket_is_its_owners() {
        let path = std::env::temp_dir().join(format!("tidewire-control-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let socket = named(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let refused = std::os::unix::net::UnixStream::connect(&path).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        let _listener = socket.listen(CLIENTS_WAITING).unwrap();
        std::os::unix::net::UnixStream::connect(&path).unwrap();
        std::fs::remove_file(path).unwrap();
    }
}
