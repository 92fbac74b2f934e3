//! The table of keys: each reads what it says, from wherever it stands, and mistakes are named.

use super::*;

fn read(environment: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Result<Config, String> {
    let environment = environment.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    let flags = flags.iter().map(|(k, v)| (*k, v.to_string())).collect();
    Config::read(Mode::Dev, &Sources { file: None, environment, flags })
}

fn read_toml(text: &str) -> Result<Config, String> {
    let path = std::env::temp_dir().join(format!("tidewire-config-{}-{:p}.toml", std::process::id(), text));
    std::fs::write(&path, text).unwrap();
    let read = Config::read(Mode::Dev, &Sources { file: Some(path.clone()), ..Sources::default() });
    std::fs::remove_file(path).unwrap();
    read
}

#[test]
fn the_defaults_are_those_of_the_table() {
    let config = read(&[], &[]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:4566");
    assert_eq!((config.header_timeout_secs, config.log), (30, LogFormat::Text));
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    assert_eq!(read_toml("region = \"eu-west-1\"").unwrap().region.as_str(), "eu-west-1");
    let both = read(&[("TIDEWIRE_REGION", "eu-west-2")], &[("region", "eu-west-3")]).unwrap();
    assert_eq!(both.region.as_str(), "eu-west-3");
    assert_eq!(read(&[("TIDEWIRE_REGION", "eu-west-2")], &[]).unwrap().region.as_str(), "eu-west-2");
}

#[test]
fn a_section_of_the_file_is_the_first_part_of_its_keys() {
    assert_eq!(read_toml("[http]\nheader_timeout_secs = 5").unwrap().header_timeout_secs, 5);
}

#[test]
fn an_unknown_key_stops_the_start_with_a_suggestion() {
    let error = read_toml("lisen = \"127.0.0.1:1\"").unwrap_err();
    assert!(error.contains("unknown key lisen; did you mean listen?"), "{error}");
    let error = read(&[("TIDEWIRE_DATADIR", "x")], &[]).unwrap_err();
    assert!(error.contains("did you mean TIDEWIRE_DATA_DIR?"), "{error}");
    let error = read_toml("zzz = 1").unwrap_err();
    assert!(error.ends_with("unknown key zzz"), "{error}");
}

#[test]
fn a_wrong_value_is_named_with_its_key() {
    for (key, value) in [
        ("listen", "4566"),
        ("account", "12"),
        ("ephemeral", "yes"),
        ("log", "xml"),
        ("http.header_timeout_secs", "0"),
        ("public_url", "example.org"),
    ] {
        let error = read(&[], &[(key, value)]).unwrap_err();
        assert!(error.contains(key) && error.contains(value), "{error}");
    }
}

#[test]
fn no_error_shows_a_secret() {
    let slip = "[s3]\nwebhook_token = \"correct horse\nnotifications = \"n.json\"";
    let error = read_toml(slip).unwrap_err();
    assert!(error.contains(".toml: line 2: ") && !error.contains("horse"), "{error}");
    for value in ["passphrase:correct horse", "correct horse"] {
        let error = read(&[("TIDEWIRE_ROOT_KEY", value)], &[]).unwrap_err();
        assert!(error.contains("root_key: expected file:PATH") && !error.contains("horse"), "{error}");
        assert!(!read(&[], &[("root_key", value)]).unwrap_err().contains("horse"));
    }
    assert!(!read_toml("[s3]\nwebhook_token = [\"horse\"]").unwrap_err().contains("horse"));
}

#[test]
fn a_size_is_bytes_or_has_a_unit() {
    for (text, bytes) in [("512", 512), ("3KiB", 3 << 10), ("48MiB", 48 << 20), ("2 GiB", 2 << 30)] {
        assert_eq!(read(&[], &[("memory_limit", text)]).unwrap().memory_limit, bytes, "{text}");
    }
    for text in ["", "MiB", "1.5GiB", "12MB", "-1", "99999999999GiB"] {
        assert!(read(&[], &[("memory_limit", text)]).unwrap_err().contains("expected a size"), "{text}");
    }
}

#[test]
fn other_machines_are_let_in_only_when_that_is_said() {
    let everywhere = ("listen", "0.0.0.0:4566");
    assert!(read(&[], &[everywhere]).unwrap_err().contains("allow_unauthenticated"));
    assert!(read(&[], &[everywhere, ("allow_unauthenticated", "true")]).is_ok());
    assert!(read(&[], &[everywhere, ("auth", "verify")]).is_ok());
    let flags = [("listen", "0.0.0.0:4566".to_owned()), ("auth", "off".to_owned())].into();
    let off = Config::read(Mode::Serve, &Sources { flags, ..Sources::default() });
    assert!(off.unwrap_err().contains("with auth = off lets everybody do everything"));
    let serve = Config::read(Mode::Serve, &Sources::default()).unwrap();
    assert_eq!((serve.auth(Mode::Serve), serve.auth(Mode::Dev)), (Verification::Verify, Verification::ParseOnly));
    assert!(read(&[], &[("auth", "maybe")]).unwrap_err().contains("expected verify"));
}

#[test]
fn events_of_buckets_take_a_token_wherever_requests_are_verified() {
    let opened = |mode, auth: &str, token: &str| {
        let flags = [("s3.notifications", "buckets.json"), ("auth", auth), ("s3.webhook_token", token)];
        let flags = flags.map(|(key, value)| (key, value.to_owned())).into();
        Config::read(mode, &Sources { flags, ..Sources::default() }).is_ok()
    };
    let guarded = [(Mode::Serve, "verify"), (Mode::Serve, "off"), (Mode::Dev, "verify")];
    assert!(guarded.iter().all(|(mode, auth)| !opened(*mode, auth, "") && opened(*mode, auth, "word")));
    assert!(opened(Mode::Dev, "off", ""));
}

#[test]
fn proxies_are_addresses_and_ranges() {
    assert_eq!(read(&[], &[("http.proxies", "10.0.0.0/8, ::1")]).unwrap().proxies.len(), 2);
    assert!(read(&[], &[("http.proxies", "10.0.0.0/33")]).unwrap_err().contains("is no address"));
}
