//! The port: takes connections, hands each to the gateway, and lets them end when the server stops.

use gateway::limits::CONNECTIONS_MAX;
use gateway::{Gateway, Scheme};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// How long to wait when the system has no descriptor for another connection; one is given back sooner or later.
const PAUSE_AFTER_ACCEPT_ERROR: Duration = Duration::from_millis(50);

/// Serves connections until the gateway is told to stop; ends when the last one has ended or `patience` is over.
pub(crate) async fn serve(listener: TcpListener, gateway: Gateway, patience: Duration) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let stopping = gateway.stopping();
    loop {
        let accept = async {
            let place = Arc::clone(&places).acquire_owned().await.expect("the semaphore is never closed");
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            accepted = accept => accepted,
            () = stopping.wait() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let gateway = gateway.clone();
                tokio::spawn(async move {
                    connection(stream, &gateway).await;
                    drop(place);
                });
            }
            Err(error) => pause(&error).await,
        }
    }
    drop(listener);
    let all = u32::try_from(CONNECTIONS_MAX).expect("the bound on connections fits");
    if tokio::time::timeout(patience, places.acquire_many(all)).await.is_err() {
        tracing::warn!(seconds = patience.as_secs(), "connections still open after the stop timeout are cut");
    }
}

async fn connection(stream: TcpStream, gateway: &Gateway) {
    // Replies are written whole, so waiting for more to send only adds latency.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection was gone before it was served");
        return;
    }
    gateway.serve_connection(stream, Scheme::Http).await;
}

async fn pause(error: &io::Error) {
    tracing::warn!(%error, "could not accept a connection");
    tokio::time::sleep(PAUSE_AFTER_ACCEPT_ERROR).await;
}
