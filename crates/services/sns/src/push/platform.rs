//! What names applications and their endpoints: platforms, keys, and the ARNs that show them.
//!
//! ```text
//! arn:aws:sns:REGION:ACCOUNT:app/PLATFORM/NAME
//! arn:aws:sns:REGION:ACCOUNT:endpoint/PLATFORM/NAME/UUID
//! ```

use super::limits::{NAME_LEN_MAX, PAGE_ENDPOINTS};
use crate::refusal::Refusal;
use crate::topic_key::{SubscriptionId, TopicKey};
use names::{AccountId, Arn, Region};
use queue::spread;

/// A push service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Platform {
    Adm = 1,
    Apns = 2,
    ApnsSandbox = 3,
    ApnsVoip = 4,
    ApnsVoipSandbox = 5,
    Macos = 6,
    MacosSandbox = 7,
    Gcm = 8,
}

impl Platform {
    const ALL: [(Self, &str); 8] = [
        (Self::Adm, "ADM"),
        (Self::Apns, "APNS"),
        (Self::ApnsSandbox, "APNS_SANDBOX"),
        (Self::ApnsVoip, "APNS_VOIP"),
        (Self::ApnsVoipSandbox, "APNS_VOIP_SANDBOX"),
        (Self::Macos, "MACOS"),
        (Self::MacosSandbox, "MACOS_SANDBOX"),
        (Self::Gcm, "GCM"),
    ];

    pub(crate) fn numbered(number: u8) -> Option<Self> {
        Self::ALL.iter().find(|(platform, _)| *platform as u8 == number).map(|(platform, _)| *platform)
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(platform, _)| *platform)
    }

    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(platform, _)| *platform == self).expect("every platform has a name").1
    }

    /// The names of all.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        Self::ALL.iter().map(|(_, name)| *name)
    }

    pub(crate) fn is_apples(self) -> bool {
        !matches!(self, Self::Adm | Self::Gcm)
    }

    pub(crate) fn is_voip(self) -> bool {
        matches!(self, Self::ApnsVoip | Self::ApnsVoipSandbox)
    }

    pub(crate) fn is_sandbox(self) -> bool {
        matches!(self, Self::ApnsSandbox | Self::ApnsVoipSandbox | Self::MacosSandbox)
    }
}

/// What names an application within a server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AppKey {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) platform: Platform,
    pub(crate) name: Box<str>,
}

impl AppKey {
    /// Checks the name and the platform that CreatePlatformApplication was given.
    pub(crate) fn new(account: AccountId, region: &Region, platform: &str, name: &str) -> Result<Self, Refusal> {
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let why = if name.is_empty() {
            "cannot be empty"
        } else if name.chars().count() > NAME_LEN_MAX {
            "must be at most 256 characters long"
        } else if !name.bytes().all(is_legal) {
            "must contain only characters 'a'-'z', 'A'-'Z', '0'-'9', '_', '-', and '.'"
        } else {
            let unknown = || Refusal::invalid(format!("Platform Reason: {platform} is not supported"));
            let platform = Platform::named(platform).ok_or_else(unknown)?;
            return Ok(Self { account, region: region.clone(), platform, name: name.into() });
        };
        Err(Refusal::invalid(format!("{name} Reason: {why}")))
    }

    pub(crate) fn arn(&self) -> String {
        self.arn_of("app", "")
    }

    /// The ARN of an endpoint of it.
    pub(crate) fn endpoint_arn(&self, id: EndpointId) -> String {
        self.arn_of("endpoint", &format!("/{}", id.show()))
    }

    fn arn_of(&self, sort: &str, rest: &str) -> String {
        let Self { account, region, platform, name } = self;
        format!("arn:{}:sns:{region}:{account}:{sort}/{}/{name}{rest}", region.arn_partition(), platform.name())
    }

    /// The application of a parameter that is the ARN of one.
    pub(crate) fn parse(parameter: &str, arn: &str) -> Result<Self, Refusal> {
        let (account, region, resource) = split(parameter, arn)?;
        let parts: Vec<&str> = resource.split('/').collect();
        let ["app", platform, name] = parts[..] else { return Err(slashes(parameter)) };
        Self::new(account, &region, platform, name).map_err(|_| Refusal::invalid(parameter))
    }

    /// The application and the endpoint of a parameter that is the ARN of one.
    pub(crate) fn parse_endpoint(parameter: &str, arn: &str) -> Result<(Self, EndpointId), Refusal> {
        let (account, region, resource) = split(parameter, arn)?;
        let parts: Vec<&str> = resource.split('/').collect();
        let ["endpoint", platform, name, id] = parts[..] else { return Err(slashes(parameter)) };
        let key = Self::new(account, &region, platform, name).map_err(|_| Refusal::invalid(parameter))?;
        let wrong = |why| Refusal::invalid(format!("{parameter} Reason: ARN specifies an invalid endpointId: {why}"));
        if id.chars().count() != 36 {
            return Err(wrong("UUID must be encoded in exactly 36 characters."));
        }
        let id = SubscriptionId::read(id).ok_or_else(|| wrong("it is no UUID."))?;
        Ok((key, EndpointId(id.0)))
    }

    /// As whose queue its messages wait: a name that no topic can have.
    pub(crate) fn outbox(&self) -> TopicKey {
        let name = format!("{OUTBOX}{}/{}", self.platform.name(), self.name);
        TopicKey { account: self.account, region: self.region.clone(), name: name.into() }
    }

    /// The application whose messages wait there; nothing if they are a topic's.
    pub(crate) fn of_outbox(key: &TopicKey) -> Option<Self> {
        let (platform, name) = key.name.strip_prefix(OUTBOX)?.split_once('/')?;
        Self::new(key.account, &key.region, platform, name).ok()
    }
}

const OUTBOX: &str = "app/";

fn slashes(parameter: &str) -> Refusal {
    Refusal::invalid(format!("{parameter} Reason: Wrong number of slashes in relative portion of the ARN."))
}

fn split<'a>(parameter: &str, arn: &'a str) -> Result<(AccountId, Region, &'a str), Refusal> {
    let parts = arn.split(':').count();
    if parts < 6 {
        let why = format!("{parameter} Reason: An ARN must have at least 6 elements, not {parts}");
        return Err(Refusal::invalid(why));
    }
    let wrong = || Refusal::invalid(parameter);
    let parsed = Arn::parse(arn).ok().filter(|arn| arn.service == "sns").ok_or_else(wrong)?;
    let region = Region::parse(&parsed.region).ok().filter(|region| region.arn_partition() == parsed.partition);
    let account = AccountId::parse(&parsed.account).map_err(|_| wrong())?;
    Ok((account, region.ok_or_else(wrong)?, arn.splitn(6, ':').last().unwrap_or_default()))
}

/// Whether a text is the ARN of an endpoint, of whatever platform.
pub(crate) fn is_endpoint(arn: &str) -> bool {
    arn.splitn(6, ':').nth(5).is_some_and(|resource| resource.starts_with("endpoint/"))
}

/// Under which name of a structured message a subscribed endpoint's body stands: its platform's.
pub(crate) fn platform_of(endpoint: &str) -> Option<&'static str> {
    let platform = endpoint.splitn(6, ':').nth(5)?.strip_prefix("endpoint/")?.split('/').next()?;
    Platform::named(platform).map(Platform::name)
}

/// What an endpoint's ARN ends with: by chance, but for its first 32 bits, which say where the endpoint stands (mixed with the others, so
/// that nobody reads there how many there are).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct EndpointId(pub(crate) u128);

/// Where an endpoint stands: a page, and a place on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(pub(crate) u32);

impl Place {
    pub(crate) fn new(page: u32, slot: u16) -> Self {
        Self(page * u32::from(PAGE_ENDPOINTS) + u32::from(slot))
    }

    pub(crate) fn page(self) -> u32 {
        self.0 / u32::from(PAGE_ENDPOINTS)
    }

    pub(crate) fn slot(self) -> u16 {
        (self.0 % u32::from(PAGE_ENDPOINTS)) as u16
    }
}

const PLACE_BITS: u32 = 96;

impl EndpointId {
    /// The id of an endpoint at a place, out of bits by chance.
    pub(crate) fn at(place: Place, chance: u128) -> Self {
        let rest = chance & ((1 << PLACE_BITS) - 1);
        Self(u128::from(place.0 ^ mixed(rest)) << PLACE_BITS | rest)
    }

    pub(crate) fn place(self) -> Place {
        let rest = self.0 & ((1 << PLACE_BITS) - 1);
        Place((self.0 >> PLACE_BITS) as u32 ^ mixed(rest))
    }

    pub(crate) fn show(self) -> String {
        SubscriptionId(self.0).show()
    }
}

fn mixed(rest: u128) -> u32 {
    spread(rest as u64 ^ (rest >> 64) as u64) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_where_its_endpoint_stands_and_nobody_sees_it() {
        let chance = 0x0011_2233_4455_4677_8899_aabb_ccdd_eeff;
        for place in [Place::new(0, 0), Place::new(0, 1), Place::new(7, 511), Place(u32::MAX)] {
            assert_eq!(EndpointId::at(place, chance).place(), place);
        }
        assert_ne!(EndpointId::at(Place(0), chance).0 >> 96, EndpointId::at(Place(0), chance ^ 1).0 >> 96);
        assert_eq!((Place::new(7, 511).page(), Place::new(7, 511).slot()), (7, 511));
    }

    #[test]
    fn arns_name_applications_and_endpoints() {
        let arn = "arn:aws:sns:eu-west-1:123456789012:app/GCM/my.app";
        let key = AppKey::parse("PlatformApplicationArn", arn).unwrap();
        assert_eq!(key.arn(), arn);
        let id = EndpointId(0x0011_2233_4455_4677_8899_aabb_ccdd_eeff);
        let endpoint = "arn:aws:sns:eu-west-1:123456789012:endpoint/GCM/my.app/00112233-4455-4677-8899-aabbccddeeff";
        assert_eq!(key.endpoint_arn(id), endpoint);
        assert_eq!(AppKey::parse_endpoint("EndpointArn", endpoint), Ok((key.clone(), id)));
        assert_eq!((platform_of(endpoint), platform_of(arn)), (Some("GCM"), None));
        assert_eq!(AppKey::of_outbox(&key.outbox()), Some(key));
    }

    #[test]
    fn what_is_no_arn_of_them_is_refused_in_awss_words() {
        let words = |arn| AppKey::parse_endpoint("EndpointArn", arn).unwrap_err().message.into_owned();
        let few = "Invalid parameter: EndpointArn Reason: An ARN must have at least 6 elements, not 1";
        assert_eq!(words("x"), few);
        let slashes = "Invalid parameter: EndpointArn Reason: Wrong number of slashes in relative portion of the ARN.";
        assert_eq!(words("arn:aws:sns:us-east-1:000000000000:app/GCM/a"), slashes);
        let long = "arn:aws:sns:us-east-1:000000000000:endpoint/GCM/a/00112233-4455-4677-8899-aabbccddeeffinvalid";
        let uuid = "Invalid parameter: EndpointArn Reason: ARN specifies an invalid endpointId: UUID must be encoded in exactly 36 \
                    characters.";
        assert_eq!(words(long), uuid);
        let new = |platform: &str, name: &str| {
            let region = Region::parse("us-east-1").unwrap();
            AppKey::new(AccountId::DEFAULT, &region, platform, name).map(|_| ()).map_err(|refusal| refusal.message)
        };
        assert_eq!(new("BAIDU", "a").unwrap_err(), "Invalid parameter: Platform Reason: BAIDU is not supported");
        assert_eq!(new("GCM", "").unwrap_err(), "Invalid parameter:  Reason: cannot be empty");
        assert!(new("GCM", "a/b").is_err() && new("GCM", &"x".repeat(257)).is_err() && new("GCM", "a.B_9-").is_ok());
    }
}
