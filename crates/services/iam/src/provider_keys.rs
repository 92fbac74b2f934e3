//! The keys of OpenID Connect providers, fetched once for all who bring tokens of one.
//!
//! Whoever asks with a token has signed nothing, so what that makes the server do is bounded: one fetch of a provider at a time,
//! which all who come meanwhile wait for; keys are taken to be as they were for some minutes, and failures for some seconds.

use crate::api::sts::errors;
use crate::jwt::Keys;
use crate::limits::{PROVIDER_FAILURE_MILLIS, PROVIDER_KEYS_MILLIS, PROVIDERS_KEPT_MAX};
use crate::refusal::Refusal;
use names::Instant;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

/// Keys of providers by URL, as they are being fetched or were.
#[derive(Default)]
pub(crate) struct ProviderKeys(Mutex<HashMap<Box<str>, Arc<Fetched>>>);

struct Fetched {
    /// When they were asked for first.
    asked_at: Instant,
    /// Empty while they are fetched. Whoever fetches may go away; the next who waits then begins anew.
    keys: OnceCell<Result<Arc<Keys>, Box<str>>>,
}

impl Fetched {
    fn is_of_use(&self, now: Instant) -> bool {
        match self.keys.get() {
            None => true,
            Some(Ok(_)) => now < self.asked_at.plus_millis(PROVIDER_KEYS_MILLIS),
            Some(Err(_)) => now < self.asked_at.plus_millis(PROVIDER_FAILURE_MILLIS),
        }
    }
}

/// What is said where keys cannot be had.
pub(crate) fn unreachable(why: impl Into<String>) -> Refusal {
    Refusal::new(&errors::IDP_COMMUNICATION_ERROR_EXCEPTION, why.into())
}

impl ProviderKeys {
    /// The keys of a provider, by `fetch` if they are not known and nobody fetches them yet.
    pub(crate) async fn get(
        &self,
        url: &str,
        now: Instant,
        fetch: impl Future<Output = Result<Keys, String>>,
    ) -> Result<Arc<Keys>, Refusal> {
        let fetched = self.find(url, now)?;
        let keys = fetched.keys.get_or_init(|| async { fetch.await.map(Arc::new).map_err(Into::into) }).await;
        keys.clone().map_err(unreachable)
    }

    fn find(&self, url: &str, now: Instant) -> Result<Arc<Fetched>, Refusal> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = kept.get(url).filter(|found| found.is_of_use(now)) {
            return Ok(Arc::clone(found));
        }
        if kept.len() >= PROVIDERS_KEPT_MAX {
            // What somebody waits for stays, so that it is not fetched twice at a time.
            kept.retain(|_, fetched| fetched.keys.get().is_none() && Arc::strong_count(fetched) > 1);
        }
        if kept.len() >= PROVIDERS_KEPT_MAX {
            return Err(unreachable("too many identity providers are being asked at this time"));
        }
        let begun = Arc::new(Fetched { asked_at: now, keys: OnceCell::new() });
        kept.insert(url.into(), Arc::clone(&begun));
        Ok(begun)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const NOW: Instant = Instant::from_millis(1_800_000_000_000);

    async fn fetch(count: &AtomicUsize, answer: Result<&str, &str>) -> Result<Keys, String> {
        count.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        let keys = answer.map_err(str::to_owned)?;
        Keys::read(keys.as_bytes()).ok_or_else(|| "these are no keys".to_owned())
    }

    #[tokio::test]
    async fn who_comes_while_keys_are_fetched_waits_for_that_fetch() {
        let (kept, count) = (ProviderKeys::default(), AtomicUsize::new(0));
        let get = |now| kept.get("p.example", now, fetch(&count, Ok(r#"{"keys":[]}"#)));
        let (one, other, third) = tokio::join!(get(NOW), get(NOW), get(NOW.plus_millis(PROVIDER_KEYS_MILLIS * 2)));
        assert!(one.is_ok() && other.is_ok() && third.is_ok());
        assert_eq!(count.load(Ordering::Relaxed), 1);
        assert!(get(NOW.plus_millis(PROVIDER_KEYS_MILLIS - 1)).await.is_ok());
        assert_eq!(count.load(Ordering::Relaxed), 1);
        assert!(get(NOW.plus_millis(PROVIDER_KEYS_MILLIS)).await.is_ok());
        assert_eq!(count.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_failure_is_not_tried_again_at_once() {
        let (kept, count) = (ProviderKeys::default(), AtomicUsize::new(0));
        let get = |now| kept.get("p.example", now, fetch(&count, Err("it is gone")));
        for now in [NOW, NOW, NOW.plus_millis(PROVIDER_FAILURE_MILLIS - 1)] {
            assert_eq!(get(now).await.err().map(|refusal| refusal.message.into_owned()).as_deref(), Some("it is gone"));
        }
        assert_eq!(count.load(Ordering::Relaxed), 1);
        assert!(get(NOW.plus_millis(PROVIDER_FAILURE_MILLIS)).await.is_err());
        assert_eq!(count.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_fetch_whose_client_went_away_is_begun_anew_by_the_next() {
        let (kept, count) = (ProviderKeys::default(), AtomicUsize::new(0));
        let never = kept.get("p.example", NOW, std::future::pending());
        let next = kept.get("p.example", NOW, fetch(&count, Ok(r#"{"keys":[]}"#)));
        let (mut never, mut next) = (Box::pin(never), Box::pin(next));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(never.as_mut().poll(&mut context).is_pending() && next.as_mut().poll(&mut context).is_pending());
        assert_eq!(count.load(Ordering::Relaxed), 0);
        drop(never);
        assert!(next.await.is_ok());
    }

    #[tokio::test]
    async fn the_keys_of_no_more_providers_are_kept_than_the_bound_says() {
        let (kept, count) = (ProviderKeys::default(), AtomicUsize::new(0));
        let waited_for = kept.find("waited.example", NOW);
        for n in 0..=PROVIDERS_KEPT_MAX {
            assert!(kept.get(&format!("{n}.example"), NOW, fetch(&count, Err("gone"))).await.is_err());
            assert!(kept.0.lock().unwrap().len() <= PROVIDERS_KEPT_MAX);
        }
        let again = kept.find("waited.example", NOW);
        assert!(matches!((waited_for, again), (Ok(one), Ok(other)) if Arc::ptr_eq(&one, &other)));
    }
}
