//! A running server as the SQS measurements see it: where it listens, which process it is, what it tells of itself.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::child::Server;
use crate::connection::Connection;
use crate::request::{self, Requests};
use crate::scratch;

/// How long the product or the echo may take to say that it is ready; far beyond the target, so that a miss is measured.
pub(crate) const READY_PATIENCE: Duration = Duration::from_secs(60);

/// The counter of journal syncs on the product's metrics page.
const SYNCS: &str = "tidewire_journal_syncs_total";

/// The release binary of the product: what `TIDEWIRE_BIN` names, else where cargo puts it.
pub(crate) fn product_binary() -> Result<PathBuf, String> {
    let named = std::env::var_os("TIDEWIRE_BIN").map(PathBuf::from);
    let binary = named.unwrap_or_else(|| scratch::repository().join("target/release/tidewire"));
    if binary.is_file() {
        return Ok(binary);
    }
    Err(format!("{} is not there; `cargo build --release -p tidewire` makes it", binary.display()))
}

/// Starts the product on a port of its choosing with its data in `data`.
pub(crate) fn start_product(binary: &Path, data: &Path) -> Result<Server, String> {
    start_product_within(binary, data, READY_PATIENCE)
}

/// The same for a folder that may take longer to come back than an ordinary one.
pub(crate) fn start_product_within(binary: &Path, data: &Path, patience: Duration) -> Result<Server, String> {
    Server::announced(&mut product_command(binary, data), patience)
}

/// The command that serves `data` on a port of its choosing.
pub(crate) fn product_command(binary: &Path, data: &Path) -> Command {
    let mut command = Command::new(binary);
    command.args(["dev", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data);
    command
}

/// One thread for all connections, so that a client's cost is the same for every server.
pub(crate) fn client_runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())
}

/// Starts this program's echo as a process of its own.
pub(crate) fn start_echo() -> Result<Server, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    Server::announced(Command::new(own).args(["echo", "--listen", "127.0.0.1:0"]), READY_PATIENCE)
}

/// One call that must be answered with 200.
pub(crate) async fn call(address: SocketAddr, operation: &str, body: &str) -> io::Result<String> {
    let request = Requests::to(address).build(operation, body.as_bytes());
    let mut connection = Connection::new(address);
    let body = connection.exchange(&request).await?.ok()?.to_vec();
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// A new queue's URL; its name has not been used in this run.
pub(crate) async fn create_queue(address: SocketAddr) -> io::Result<String> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("bench-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let answer = call(address, "CreateQueue", &request::create_queue(&name)).await?;
    let url = request::members(answer.as_bytes(), "QueueUrl").first().map(ToString::to_string);
    url.ok_or_else(|| io::Error::other(format!("no QueueUrl in {answer}")))
}

/// How many syncs the journal has done; `None` where the server has no such counter.
pub(crate) async fn syncs(address: SocketAddr) -> Option<u64> {
    metric(address, SYNCS).await
}

/// What the server's page of metrics says of `name`.
pub(crate) async fn metric(address: SocketAddr, name: &str) -> Option<u64> {
    let mut connection = Connection::new(address);
    let request = Requests::to(address).get("/metrics");
    let answer = connection.exchange(&request).await.ok()?.ok().ok()?;
    counter(std::str::from_utf8(answer).ok()?, name)
}

/// The sum of a counter over its label sets in a Prometheus text page.
fn counter(page: &str, name: &str) -> Option<u64> {
    let values = page.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let labels_end = if rest.starts_with('{') { rest.find('}')? + 1 } else { 0 };
        rest[labels_end..].strip_prefix(' ')?.split(' ').next()?.parse::<f64>().ok()
    });
    values.map(|value| value as u64).reduce(|sum, value| sum + value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_summed_over_its_labels_and_not_taken_from_a_longer_name() {
        let page = "# TYPE a_total counter\na_total 3\na_total{lane=\"1 x\"} 4 1700000000\na_total_more 9\n";
        assert_eq!(counter(page, "a_total"), Some(7));
        assert_eq!(counter(page, "b_total"), None);
    }
}
