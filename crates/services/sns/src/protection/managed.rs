//! AWS's managed data identifiers, as far as they are detected here: what each looks like, and the words of which one stands near it.
//!
//! Sources: "Sensitive data types" of the SNS Developer Guide for names, words and rules; the standards that each check names for the rest.
//! A pattern says what is looked at more closely; its check says how much of that it is. Patterns have no unbounded part that another
//! could take over, so a search is linear in the text.

use super::checks;
use regex::Regex;
use std::sync::OnceLock;

/// One identifier.
pub(crate) struct Managed {
    pub(crate) name: &'static str,
    /// What is one wherever it stands.
    plain: &'static str,
    /// What is one only near one of the words.
    near: &'static str,
    /// Lower case. A space stands for a space, an underscore, a hyphen, or nothing; a star at the end for letters that may follow.
    pub(crate) words: &'static [&'static str],
    /// How many bytes of what the pattern found are one, from its beginning.
    pub(crate) check: fn(&str) -> Option<usize>,
    compiled: OnceLock<Compiled>,
}

/// Its patterns, compiled when the first message is searched for it.
pub(crate) struct Compiled {
    pub(crate) plain: Option<Regex>,
    pub(crate) near: Option<Regex>,
    pub(crate) words: Option<Regex>,
}

impl Managed {
    /// The identifier of a name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        TABLE.iter().find(|known| known.name == name)
    }

    /// All there are.
    #[cfg(test)]
    pub(crate) fn all() -> &'static [Self] {
        &TABLE
    }

    pub(crate) fn compiled(&self) -> &Compiled {
        self.compiled.get_or_init(|| {
            let of = |pattern: &str| {
                (!pattern.is_empty()).then(|| Regex::new(pattern).expect("the patterns of the table are patterns"))
            };
            let flexible = |word: &&str| regex::escape(word.trim_end_matches('*')).replace(' ', "[ _-]?");
            let words: Vec<String> = self.words.iter().map(flexible).collect();
            let words = if words.is_empty() { String::new() } else { format!("(?i-u:{})", words.join("|")) };
            Compiled { plain: of(self.plain), near: of(self.near), words: of(&words) }
        })
    }
}

const fn managed(
    name: &'static str,
    plain: &'static str,
    (near, words): (&'static str, &'static [&'static str]),
    check: fn(&str) -> Option<usize>,
) -> Managed {
    Managed { name, plain, near, words, check, compiled: OnceLock::new() }
}

const NOWHERE: (&str, &[&str]) = ("", &[]);

/// What most patterns say already.
fn whole(text: &str) -> Option<usize> {
    Some(text.len())
}

const PHONE: &[&str] = &[
    "cell",
    "contact",
    "fax",
    "fax number",
    "mobile",
    "phone",
    "phone number",
    "tel",
    "telephone",
    "telephone number",
];
const CARD: &[&str] = &[
    "account number",
    "american express",
    "amex",
    "bank card",
    "card",
    "card num",
    "card number",
    "cc #",
    "ccn",
    "check card",
    "credit",
    "credit card#",
    "dankort",
    "debit",
    "debit card",
    "diners club",
    "discover",
    "electron",
    "japanese card bureau",
    "jcb",
    "mastercard",
    "mc",
    "pan",
    "payment account number",
    "payment card number",
    "pcn",
    "union pay",
    "visa",
    "credit card",
];
const SECURITY_CODE: &[&str] = &[
    "card id",
    "card identification code",
    "card identification number",
    "card security code",
    "card validation code",
    "card validation number",
    "card verification data",
    "card verification value",
    "cvc",
    "cvc2",
    "cvv",
    "cvv2",
    "elo verification code",
];
const ACCOUNT: [&str; 9] = [
    "account code",
    "account number",
    "accountno#",
    "accountnumber#",
    "bban",
    "customer account id",
    "customer account number",
    "customer bank account id",
    "iban",
];
const DE: &[&str] = &[
    ACCOUNT[0],
    ACCOUNT[1],
    ACCOUNT[2],
    ACCOUNT[3],
    ACCOUNT[4],
    ACCOUNT[5],
    ACCOUNT[6],
    ACCOUNT[7],
    ACCOUNT[8],
    "bankleitzahl",
    "geheimzahl",
    "kartennummer",
    "kontonummer",
    "kreditkartennummer",
    "sepa",
];
const ES: &[&str] = &[
    ACCOUNT[0],
    ACCOUNT[1],
    ACCOUNT[2],
    ACCOUNT[3],
    ACCOUNT[4],
    ACCOUNT[5],
    ACCOUNT[6],
    ACCOUNT[7],
    ACCOUNT[8],
    "código cuenta",
    "código cuenta bancaria",
    "cuenta cliente id",
    "número cuenta bancaria cliente",
    "número cuenta cliente",
];
const FR: &[&str] = &[
    ACCOUNT[0],
    ACCOUNT[1],
    ACCOUNT[2],
    ACCOUNT[3],
    ACCOUNT[4],
    ACCOUNT[5],
    ACCOUNT[6],
    ACCOUNT[7],
    ACCOUNT[8],
    "code bancaire",
    "compte bancaire",
    "numéro de compte",
];
const GB: &[&str] = &[
    ACCOUNT[0], ACCOUNT[1], ACCOUNT[2], ACCOUNT[3], ACCOUNT[4], ACCOUNT[5], ACCOUNT[6], ACCOUNT[7], ACCOUNT[8], "sepa",
];
const IT: &[&str] = &[
    ACCOUNT[0],
    ACCOUNT[1],
    ACCOUNT[2],
    ACCOUNT[3],
    ACCOUNT[4],
    ACCOUNT[5],
    ACCOUNT[6],
    ACCOUNT[7],
    ACCOUNT[8],
    "codice bancario",
    "conto bancario",
    "numero di conto",
];
const BIRTH: &[&str] = &["dob", "date of birth", "birthdate", "birth date", "birthday", "b-day", "bday"];
const INSURANCE: &[&str] = &[
    "insurance no.",
    "insurance number",
    "insurance#",
    "national insurance number",
    "nationalinsurance#",
    "nationalinsurancenumber",
    "nin",
    "nino",
];
const SPANISH_TAX: &[&str] = &[
    "cif",
    "cif número",
    "cifnúmero#",
    "nie",
    "nif",
    "número de contribuyente",
    "número de identidad de extranjero",
    "número de identificación fiscal",
    "número de impuesto corporativo",
    "personal tax number",
    "tax id",
    "tax identification number",
    "tax number",
    "tin",
    "tin#",
];
const VEHICLE: &[&str] = &[
    "fahrgestellnummer",
    "niv",
    "numarul de identificare",
    "numarul seriei de sasiu",
    "serie sasiu",
    "numer vin",
    "número de identificação do veículo",
    "número de identificación de automóviles",
    "numéro d'identification du véhicule",
    "vehicle identification number",
    "vin",
    "vin numeris",
];
const PLACE: &[&str] = &["coordinate", "coordinates", "lat long", "latitude longitude", "location", "position"];
const SECRET_KEY: &[&str] =
    &["aws_secret_access_key", "credentials", "secret access key", "secret key", "set-awscredential"];

/// What stands between the lines around a key: single hyphens may be in it, as in the headers of RFC 1421 and RFC 4880.
macro_rules! armoured {
    ($name:literal) => {
        concat!("-----BEGIN ", $name, "-----(?:[^-]|-[^-])*(?:-----END ", $name, "-----)?")
    };
}

static TABLE: [Managed; 38] = [
    managed("AwsSecretKey", "", ("[A-Za-z0-9/+=]{40}", SECRET_KEY), checks::secret_key),
    managed("BankAccountNumber-DE", "", ("DE[0-9]{2}(?: ?[0-9]){18}", DE), checks::iban),
    managed("BankAccountNumber-ES", "", ("ES[0-9]{2}(?: ?[0-9]){20}", ES), checks::iban),
    managed(
        "BankAccountNumber-FR",
        "",
        ("FR[0-9]{2}(?: ?[0-9]){10}(?: ?[0-9A-Z]){11}(?: ?[0-9]){2}", FR),
        checks::iban,
    ),
    managed("BankAccountNumber-GB", "", ("GB[0-9]{2}(?: ?[A-Z]){4}(?: ?[0-9]){14}", GB), checks::iban),
    managed("BankAccountNumber-IT", "", ("IT[0-9]{2} ?[A-Z](?: ?[0-9]){10}(?: ?[0-9A-Z]){12}", IT), checks::iban),
    managed(
        "CepCode-BR",
        "",
        ("[0-9]{5}-?[0-9]{3}", &["cep", "código de endereçamento postal", "codigo de endereçamento postal"]),
        whole,
    ),
    managed(
        "Cnpj-BR",
        "",
        (
            r"[0-9]{2}\.?[0-9]{3}\.?[0-9]{3}/?[0-9]{4}-?[0-9]{2}",
            &["cadastro nacional da pessoa jurídica", "cadastro nacional da pessoa juridica", "cnpj"],
        ),
        checks::cnpj,
    ),
    managed(
        "CpfCode-BR",
        "",
        (
            r"[0-9]{3}\.?[0-9]{3}\.?[0-9]{3}-?[0-9]{2}",
            &[
                "cadastro de pessoas fisicas",
                "cadastro de pessoas físicas",
                "cadastro de pessoa física",
                "cadastro de pessoa fisica",
                "cpf",
            ],
        ),
        checks::cpf,
    ),
    managed(
        "CreditCardExpiration",
        "",
        ("(?:0[1-9]|1[0-2]) ?[/-] ?(?:20)?[0-9]{2}", &["exp d*", "exp m*", "exp y*", "expiration", "expiry"]),
        whole,
    ),
    managed("CreditCardNumber", "", ("[0-9](?:[ -]?[0-9]){12,18}", CARD), checks::card),
    managed("CreditCardSecurityCode", "", ("[0-9]{3,4}", SECURITY_CODE), whole),
    managed("DateOfBirth", "", (checks::DATE, BIRTH), checks::date),
    managed(
        "EmailAddress",
        r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,63}",
        NOWHERE,
        whole,
    ),
    managed(
        "IndividualTaxIdentificationNumber-US",
        "",
        (
            "9[0-9]{2}[ -]?(?:5[0-9]|6[0-5]|7[0-9]|8[0-8]|9[0-2]|9[4-9])[ -]?[0-9]{4}",
            &["individual taxpayer identification number", "itin", "i.t.i.n."],
        ),
        whole,
    ),
    managed("IpAddress", r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f:]{2,39}(?:\.[0-9.]{5,11})?", NOWHERE, checks::ip),
    managed(
        "LatLong",
        "",
        (r"[+-]?[0-9]{1,2}\.[0-9]{1,15}, ?[+-]?[0-9]{1,3}\.[0-9]{1,15}", PLACE),
        checks::coordinates,
    ),
    managed(
        "NationalInsuranceNumber-GB",
        "",
        ("[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z](?: ?[0-9]){6} ?[A-D]", INSURANCE),
        checks::nino,
    ),
    managed("NieNumber-ES", "", ("[XYZxyz]-?[0-9]{7}-?[A-Za-z]", SPANISH_TAX), checks::nie),
    managed("NifNumber-ES", "", ("[0-9]{8}[ -]?[A-Za-z]", SPANISH_TAX), checks::nif),
    managed("OpenSshPrivateKey", armoured!("OPENSSH PRIVATE KEY"), NOWHERE, whole),
    managed("PassportNumber-US", "", ("[A-Z0-9][0-9]{8}", &["passport", "travel document"]), whole),
    managed("PgpPrivateKey", armoured!("PGP PRIVATE KEY BLOCK"), NOWHERE, whole),
    managed(
        "PhoneNumber-DE",
        r"\+49[ .-]?(?:\(0\) ?)?[1-9](?:[ ./-]?[0-9]){6,11}",
        ("0[1-9](?:[ ./-]?[0-9]){6,11}", PHONE),
        whole,
    ),
    managed("PhoneNumber-ES", r"\+34[ .-]?[5-9](?:[ .-]?[0-9]){8}", ("[5-9](?:[ .-]?[0-9]){8}", PHONE), whole),
    managed(
        "PhoneNumber-FR",
        r"\+33[ .-]?(?:\(0\) ?)?[1-9](?:[ .-]?[0-9]){8}",
        ("0[1-9](?:[ .-]?[0-9]){8}", PHONE),
        whole,
    ),
    managed(
        "PhoneNumber-GB",
        r"\+44[ .-]?(?:\(0\) ?)?[1-9](?:[ .-]?[0-9]){8,9}",
        ("0[1-9](?:[ .-]?[0-9]){8,9}", PHONE),
        whole,
    ),
    managed(
        "PhoneNumber-US",
        r"\+1[ .-]?(?:\([2-9][0-9]{2}\)|[2-9][0-9]{2})[ .-]?[2-9][0-9]{2}[ .-]?[0-9]{4}",
        (r"(?:\([2-9][0-9]{2}\)|[2-9][0-9]{2})[ .-]?[2-9][0-9]{2}[ .-]?[0-9]{4}", PHONE),
        whole,
    ),
    managed("PkcsPrivateKey", checks::PKCS, NOWHERE, whole),
    managed(
        "PostalCode-CA",
        "[ABCEGHJ-NPRSTVXY][0-9][ABCEGHJ-NPRSTV-Z][ -]?[0-9][ABCEGHJ-NPRSTV-Z][0-9]",
        NOWHERE,
        whole,
    ),
    managed("PuttyPrivateKey", checks::PUTTY, NOWHERE, whole),
    managed(
        "SocialInsuranceNumber-CA",
        "",
        (
            "[1-79][0-9]{2}[ -]?[0-9]{3}[ -]?[0-9]{3}",
            &["canadian id", "numéro d'assurance sociale", "social insurance number", "sin"],
        ),
        checks::social_insurance,
    ),
    managed(
        "Ssn-ES",
        "",
        (
            "[0-9]{2}[ /-]?[0-9]{8}[ /-]?[0-9]{2}",
            &[
                "número de la seguridad social",
                "social security no.",
                "social security number",
                "socialsecurityno#",
                "ssn",
                "ssn#",
            ],
        ),
        checks::spanish_security,
    ),
    managed(
        "Ssn-US",
        "",
        ("[0-9]{3}-[0-9]{2}-[0-9]{4}|[0-9]{3} [0-9]{2} [0-9]{4}|[0-9]{9}", &["social security", "ss#", "ssn"]),
        checks::social_security,
    ),
    managed(
        "TaxId-DE",
        "",
        (
            "[1-9][0-9](?: ?[0-9]{3}){3}",
            &[
                "identifikationsnummer",
                "steuer id",
                "steueridentifikationsnummer",
                "steuernummer",
                "tax id",
                "tax identification number",
                "tax number",
            ],
        ),
        checks::german_tax,
    ),
    managed(
        "TaxId-GB",
        "",
        (
            "[0-9]{10}",
            &[
                "paye",
                "tax id",
                "tax id no.",
                "tax id number",
                "tax identification",
                "tax identification#",
                "tax no.",
                "tax number",
                "tax reference",
                "tax#",
                "taxid#",
                "temporary reference number",
                "tin",
                "trn",
                "unique tax reference",
                "unique taxpayer reference",
                "utr",
            ],
        ),
        whole,
    ),
    managed("VehicleIdentificationNumber", "", ("[A-HJ-NPR-Z0-9]{13}[0-9]{4}", VEHICLE), checks::vehicle),
    managed("ZipCode-US", "", ("[0-9]{5}(?:-[0-9]{4})?", &["zip code", "zip+4"]), whole),
];
