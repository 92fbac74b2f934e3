//! A responder that greets and a requester that wants to be greeted, against a server that is running:
//! `cargo run -p tidewire-reply --example greet -- http://127.0.0.1:4566`.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;
use tidewire_reply::{Endpoint, Error, Requester, Responder};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:4566".to_owned());
    let endpoint = Endpoint::parse(&url)?;
    let responder = Responder::new(&endpoint, "greetings").await?;
    tokio::spawn(async move { responder.serve(async |name: &str| format!("hello, {name}")).await });

    let requester = Requester::new(&endpoint).await?;
    for name in ["Ada", "Grace", "Radia"] {
        let reply = requester.request("greetings", name, Duration::from_secs(10)).await?;
        println!("{name}: {reply}");
    }
    Ok(())
}
