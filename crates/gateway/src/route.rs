//! Which operation of which service a request means, in which protocol.
//!
//! All services share one port. In order: the path of rpcv2Cbor; a form by its Content-Type (before X-Amz-Target, since
//! the Perl SDK sends both); X-Amz-Target, in CBOR where the Content-Type says so and else in JSON; a GET whose query string
//! has an Action; else it is a page. A form's service is that of the credential scope, else it is told by its Version, the
//! path, the host, or an Action that only one service has whose clients send forms.

use http::header::{CONTENT_TYPE, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method};
use wire::query::Form;
use wire::schema::OperationShape;

use crate::credential::Scope;
use crate::directory::{Bound, Directory};
use crate::errors;
use crate::protocol::Protocol;
use crate::service::Refused;

/// The Content-Type of awsJson's sibling in CBOR.
pub(crate) const AWS_CBOR: &str = "application/x-amz-cbor-1.1";

/// What is known of a request so far. Errors are written as it tells, metrics and log are kept by it.
#[derive(Clone, Copy)]
pub(crate) struct Place<'d> {
    pub(crate) bound: Option<&'d Bound>,
    pub(crate) operation: Option<usize>,
    pub(crate) protocol: Protocol,
}

/// What the head of a request tells.
pub(crate) enum Route<'d> {
    /// The operation is known.
    Operation(Target<'d>),
    /// The operation stands in a form.
    Form,
    /// No AWS request: one of the server's own pages, if any.
    Page,
}

/// An operation of a service.
#[derive(Clone, Copy)]
pub(crate) struct Target<'d> {
    pub(crate) bound: &'d Bound,
    pub(crate) operation: usize,
}

impl Target<'_> {
    pub(crate) fn shape(&self) -> &'static OperationShape {
        self.bound.description.shape.operations[self.operation]
    }
}

/// Reads the head, and notes in `place` what it tells.
pub(crate) fn route<'d>(
    directory: &'d Directory,
    head: &Parts,
    scope: Option<&Scope<'_>>,
    place: &mut Place<'d>,
) -> Result<Route<'d>, Refused> {
    // A scope of a name that nobody here has tells nothing; the form itself may.
    place.bound = scope.and_then(|scope| directory.by_signing_name(&scope.service));
    if head.method != Method::POST {
        // A HEAD must not execute anything, so of the other methods only GET carries forms.
        return Ok(if head.method == Method::GET && asks_for_an_action(head) { Route::Form } else { Route::Page });
    }
    if let Some((prefix, operation)) = rpcv2_path(head) {
        place.protocol = Protocol::Cbor;
        return find(directory, prefix, operation, place).map(Route::Operation);
    }
    let content_type = text(&head.headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    if is_type(content_type, "application/x-www-form-urlencoded") {
        return Ok(Route::Form);
    }
    let is_cbor = is_type(content_type, AWS_CBOR);
    let protocol = if is_cbor { Protocol::AwsCbor } else { Protocol::Json };
    match text(&head.headers, "x-amz-target") {
        Some(target) => {
            place.protocol = protocol;
            let (prefix, operation) = target.rsplit_once('.').unwrap_or((target, ""));
            find(directory, prefix, operation, place).map(Route::Operation)
        }
        None if is_cbor || content_type.starts_with("application/x-amz-json") => {
            place.protocol = protocol;
            Err(Refused::new(&errors::UNKNOWN_OPERATION, "The request has no X-Amz-Target header."))
        }
        None => Ok(Route::Form),
    }
}

/// Whether it is only by headers that need not be signed that a request is read as a form: its target or its path names an
/// operation of another protocol. Without those headers signed, whoever caught it could have it mean something else.
pub(crate) fn is_form_instead(head: &Parts) -> bool {
    if head.method != Method::POST || rpcv2_path(head).is_some() {
        return false;
    }
    let has_target = head.headers.contains_key("x-amz-target");
    let content_type = text(&head.headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    match is_type(content_type, "application/x-www-form-urlencoded") {
        true => has_target || rpcv2_segments(head).is_some(),
        false => !has_target && rpcv2_segments(head).is_some(),
    }
}

/// A query string that is broken is a form too where it names an action: whoever sent it is told what is wrong with it.
fn asks_for_an_action(head: &Parts) -> bool {
    match Form::parse(query(head).as_bytes(), b"") {
        Ok(form) => form.action().is_some(),
        Err(_) => query(head).split('&').any(|field| field.starts_with("Action=")),
    }
}

fn find<'d>(
    directory: &'d Directory,
    prefix: &str,
    operation: &str,
    place: &mut Place<'d>,
) -> Result<Target<'d>, Refused> {
    place.bound = directory.by_target_prefix(prefix);
    let Some(bound) = place.bound else {
        let message = format!("No service here has the target prefix {prefix:?}.");
        return Err(Refused::new(&errors::UNKNOWN_OPERATION, message));
    };
    place.operation = bound.operation(operation);
    let unknown = || Refused::new(&errors::UNKNOWN_OPERATION, format!("{prefix} has no operation {operation:?}."));
    Ok(Target { bound, operation: place.operation.ok_or_else(unknown)? })
}

/// Reads the operation out of a whole form, and notes it in `place`.
pub(crate) fn settle<'d>(
    directory: &'d Directory,
    head: &Parts,
    form: &Form<'_>,
    place: &mut Place<'d>,
) -> Result<Target<'d>, Refused> {
    let action = form.action().filter(|action| !action.is_empty());
    place.bound = place.bound.or_else(|| of_form(directory, head, form));
    let Some(action) = action else {
        return Err(Refused::new(&errors::MISSING_ACTION, "The request must contain the parameter Action."));
    };
    let Some(bound) = place.bound else {
        let message = "No service here was meant by the credential scope, Version, path, host or Action.";
        return Err(Refused::new(&errors::UNKNOWN_SERVICE, message));
    };
    place.operation = bound.operation(action);
    let invalid =
        || Refused::new(&errors::UNKNOWN_OPERATION, format!("The action {action} is not valid for this endpoint."));
    Ok(Target { bound, operation: place.operation.ok_or_else(invalid)? })
}

fn of_form<'d>(directory: &'d Directory, head: &Parts, form: &Form<'_>) -> Option<&'d Bound> {
    let version = form.version().and_then(|version| directory.by_api_version(version));
    version
        .or_else(|| directory.by_path(head.uri.path()))
        .or_else(|| directory.by_host(host(head)?))
        .or_else(|| directory.by_operation(form.action()?))
}

/// Prefix and operation of `…/service/<prefix>/operation/<operation>`: the last four segments of the path, whatever
/// stands before them (Smithy RPC v2 CBOR, "Requests").
fn rpcv2_path(head: &Parts) -> Option<(&str, &str)> {
    if text(&head.headers, "smithy-protocol")? != "rpc-v2-cbor" {
        return None;
    }
    rpcv2_segments(head)
}

fn rpcv2_segments(head: &Parts) -> Option<(&str, &str)> {
    let mut segments = head.uri.path().rsplit('/');
    let (operation, word) = (segments.next()?, segments.next()?);
    let (prefix, first_word) = (segments.next()?, segments.next()?);
    (word == "operation" && first_word == "service").then_some((prefix, operation))
}

/// The query string, without its question mark.
pub(crate) fn query(head: &Parts) -> &str {
    head.uri.query().unwrap_or_default()
}

/// Host and port as the client wrote them: `:authority` on HTTP/2, the Host header on HTTP/1.
pub(crate) fn host(head: &Parts) -> Option<&str> {
    text(&head.headers, HOST.as_str()).or_else(|| head.uri.authority().map(http::uri::Authority::as_str))
}

/// The host for URLs given to the client. One that cannot stand in a URL, or none at all, becomes `localhost`.
pub(crate) fn host_value(head: &Parts) -> HeaderValue {
    host_of_url(head).unwrap_or_else(|| HeaderValue::from_static("localhost"))
}

/// The host as the client wrote it, if it can stand in a URL.
pub(crate) fn host_of_url(head: &Parts) -> Option<HeaderValue> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    let plausible = |host: &&[u8]| !host.is_empty() && host.iter().all(|byte| legal(*byte));
    match (head.headers.get(HOST), host(head)) {
        // Cloning the header's value shares its bytes.
        (Some(value), _) if plausible(&value.as_bytes()) => Some(value.clone()),
        (None, Some(authority)) if plausible(&authority.as_bytes()) => {
            Some(HeaderValue::from_str(authority).expect("legal bytes of a host are legal in a header"))
        }
        _ => None,
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Whether a Content-Type is `media_type`, whatever its parameters.
fn is_type(content_type: &str, media_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(media_type)
}
