//! ClickBench as a workload: one wide table of page views, and 43 queries.
//!
//! The data is not ClickBench's own. It has its 105 columns (with their names in lower case) and is made here: a month of views in the order of time,
//! in which few users, sites, pages and phrases are frequent and many are rare, most views come without a search phrase and most columns that nobody
//! asks for are nearly constant. The queries are ClickBench's; where they name a value, it is one that this data has, and where they ask for groups of
//! more than 100,000 of 100 million views, it is the same share of them.

use std::path::Path;

use super::rows::Values::{self, Big, Day, Int, Second, Small, Text};
use super::rows::{Rows, below, chance, mix, root, zipf};
use super::{Query, Workload, files_of, texts};
use crate::engines::Source;
use crate::error::{Error, Result};
use crate::files::Format;

/// ClickBench with so many rows.
#[derive(Debug, Clone, clap::Args)]
pub struct ClickBench {
    /// Rows of the table
    #[arg(long, default_value_t = 10_000_000)]
    pub rows: u64,
}

/// 2013-07-01, in seconds since 1970: ClickBench's month.
const FIRST_SECOND: i64 = 1_372_636_800;

/// Seconds of the month.
const SECONDS: u64 = 31 * 86_400;

/// Sites; the number of one of them, which queries ask for, is 62.
const COUNTERS: u64 = 6_000;

/// The page, and the page before it, that queries ask for.
const ASKED_PAGE: u64 = 1;

/// A page view: what its columns follow from.
struct Hit {
    row: u64,
    user: u64,
    second: i64,
    counter: i64,
    page: u64,
    /// Where it came from; 0 is from nowhere.
    referer: u64,
    /// What was searched for; 0 is nothing.
    phrase: u64,
    /// The kind of telephone; 0 is none.
    phone: i64,
}

impl Hit {
    fn new(row: u64, rows: u64) -> Self {
        // Most users have few views.
        let user = 1 + root(row, 1, rows / 5 + 1);
        // The second most frequent site is 62.
        let counter = match zipf(row, 2, COUNTERS) {
            1 => 62,
            counter => 100 + counter as i64 * 17,
        };
        Self {
            row,
            user,
            second: FIRST_SECOND + (u128::from(row) * u128::from(SECONDS) / u128::from(rows.max(1))) as i64,
            counter,
            page: zipf(row, 3, 20_000),
            referer: if chance(row, 4, 190) { 0 } else { 1 + zipf(row, 5, 300_000) },
            phrase: if chance(row, 6, 870) { 0 } else { 1 + zipf(row, 7, rows / 15 + 1) },
            phone: if chance(user, 8, 930) { 0 } else { 1 + zipf(user, 9, 160) as i64 },
        }
    }
}

/// The first user behind the middle who has a view, as nearly every second there has.
fn asked_user(rows: u64) -> u64 {
    (0..rows).map(|row| Hit::new(row, rows).user).find(|user| *user > rows / 10).unwrap_or(1)
}

fn flag(hit: &Hit, salt: u64, per_mille: u64) -> i64 {
    i64::from(chance(hit.row, salt, per_mille))
}

fn even(hit: &Hit, salt: u64, count: u64) -> i64 {
    below(hit.row, salt, count) as i64
}

fn skew(hit: &Hit, salt: u64, count: u64) -> i64 {
    zipf(hit.row, salt, count) as i64
}

/// What stays the same for a user.
fn user(hit: &Hit, salt: u64, count: u64) -> i64 {
    below(hit.user, salt, count) as i64
}

fn user_skew(hit: &Hit, salt: u64, count: u64) -> i64 {
    zipf(hit.user, salt, count) as i64
}

fn pick(hit: &Hit, salt: u64, values: &[i64]) -> i64 {
    values[zipf(hit.user, salt, values.len() as u64) as usize]
}

/// A positive number of 63 bits.
fn bits(number: u64, salt: u64) -> i64 {
    (mix(number, salt) >> 1) as i64
}

fn rare(hit: &Hit, salt: u64, text: &str) -> String {
    if chance(hit.row, salt, 15) { format!("{text}-{}", skew(hit, salt, 300)) } else { String::new() }
}

const SYLLABLES: [&str; 24] = [
    "ka", "mo", "ре", "ста", "lin", "но", "da", "вы", "tor", "ми", "sel", "го", "pa", "ли", "ber", "ща", "ne", "ру", "vi", "то", "gra",
    "бо", "zu", "ки",
];

/// A word for a number, always the same.
fn word(number: u64) -> String {
    (0..2 + number % 3).map(|place| SYLLABLES[below(number, place, SYLLABLES.len() as u64) as usize]).collect()
}

fn phrase(number: u64) -> String {
    if number == 0 {
        return String::new();
    }
    (0..1 + number % 4).map(|place| word(mix(number, place) % 20_000)).collect::<Vec<_>>().join(" ")
}

/// One site in some hundred is about Google, and one in some thousand is Google's own.
fn host(site: u64) -> String {
    match site % 400 {
        7 => format!("{}.google.ru", word(site)),
        31 => format!("google-{}.ru", word(site)),
        _ => format!("{}{}.ru", word(site), site % 100),
    }
}

fn url(counter: i64, page: u64) -> String {
    let site = counter as u64;
    let folder = word(mix(page, site) % 300);
    match page % 5 {
        0 => format!("http://{}/{folder}/", host(site)),
        1 => format!("http://www.{}/{folder}/{page}.html", host(site)),
        2 => format!("https://{}/{folder}?id={page}&from={}", host(site), word(page)),
        3 => format!("http://{}/{folder}/{}/{}#page={page}", host(site), word(page + 1), word(page + 2)),
        _ => format!("http://{}/search?text={}&p={page}", host(site), word(page)),
    }
}

fn url_hash(counter: i64, page: u64) -> i64 {
    bits(counter as u64 * 1_000_003 + page, 5)
}

fn referer(hit: &Hit) -> String {
    if hit.referer == 0 { String::new() } else { url(100 + (hit.referer % 700) as i64, hit.referer) }
}

fn title(hit: &Hit) -> String {
    let site = hit.counter as u64;
    let about = if site % 400 == 31 || hit.page % 97 == 5 { " - Google" } else { "" };
    if hit.page % 50 == 49 { String::new() } else { format!("{} {} | {}{about}", word(hit.page), word(hit.page / 7), host(site)) }
}

fn phone_model(hit: &Hit) -> String {
    match hit.phone {
        0 => String::new(),
        1 => "iPad".to_owned(),
        2 => "iPhone".to_owned(),
        model => format!("{}-{}", word(model as u64).to_uppercase(), model * 10),
    }
}

/// The columns, in ClickBench's order.
static COLUMNS: [(&str, Values<Hit>); 105] = [
    ("watchid", Big(|hit| bits(hit.row, 1))),
    ("javaenable", Small(|hit| flag(hit, 22, 700))),
    ("title", Text(title)),
    ("goodevent", Small(|_| 1)),
    ("eventtime", Second(|hit| hit.second)),
    ("eventdate", Day(|hit| hit.second.div_euclid(86_400))),
    ("counterid", Int(|hit| hit.counter)),
    ("clientip", Int(|hit| user(hit, 28, 1 << 31))),
    ("regionid", Int(|hit| 1 + i64::from(hit.user % 4 != 0) * user_skew(hit, 29, 5000))),
    ("userid", Big(|hit| bits(hit.user, 2))),
    ("counterclass", Small(|hit| flag(hit, 31, 300))),
    ("os", Small(|hit| user_skew(hit, 32, 90))),
    ("useragent", Small(|hit| user_skew(hit, 33, 80))),
    ("url", Text(|hit| url(hit.counter, hit.page))),
    ("referer", Text(referer)),
    ("isrefresh", Small(|hit| flag(hit, 36, 120))),
    ("referercategoryid", Small(|hit| skew(hit, 37, 20000))),
    ("refererregionid", Int(|hit| skew(hit, 38, 2000))),
    ("urlcategoryid", Small(|hit| skew(hit, 39, 20000))),
    ("urlregionid", Int(|hit| skew(hit, 40, 2000))),
    ("resolutionwidth", Small(|hit| pick(hit, 41, &[1366, 1920, 1280, 1024, 1600, 1440, 1680, 0]))),
    ("resolutionheight", Small(|hit| pick(hit, 42, &[768, 1080, 1024, 800, 900, 1050, 0]))),
    ("resolutiondepth", Small(|hit| pick(hit, 43, &[32, 24, 16, 0]))),
    ("flashmajor", Small(|hit| pick(hit, 44, &[11, 0, 10, 9]))),
    ("flashminor", Small(|hit| pick(hit, 45, &[7, 0, 8, 6]))),
    ("flashminor2", Text(|hit| pick(hit, 46, &[700, 0, 224, 602]).to_string())),
    ("netmajor", Small(|hit| flag(hit, 47, 200))),
    ("netminor", Small(|hit| flag(hit, 48, 100))),
    ("useragentmajor", Small(|hit| user_skew(hit, 49, 40))),
    ("useragentminor", Text(|hit| format!("{}", user_skew(hit, 50, 60)))),
    ("cookieenable", Small(|hit| flag(hit, 51, 990))),
    ("javascriptenable", Small(|hit| flag(hit, 52, 990))),
    ("ismobile", Small(|hit| i64::from(hit.phone > 0))),
    ("mobilephone", Small(|hit| hit.phone.min(90))),
    ("mobilephonemodel", Text(phone_model)),
    ("params", Text(|_| String::new())),
    ("ipnetworkid", Int(|hit| user(hit, 57, 4_000_000))),
    ("traficsourceid", Small(|hit| pick(hit, 58, &[-1, 0, 3, 6, 1, 2, 4, 5]))),
    ("searchengineid", Small(|hit| if hit.phrase == 0 { 0 } else { 1 + even(hit, 59, 60).min(4) })),
    ("searchphrase", Text(|hit| phrase(hit.phrase))),
    ("advengineid", Small(|hit| if flag(hit, 61, 6) == 0 { 0 } else { 2 + skew(hit, 61, 50) })),
    ("isartifical", Small(|hit| flag(hit, 62, 10))),
    ("windowclientwidth", Small(|hit| 300 + user(hit, 63, 1700))),
    ("windowclientheight", Small(|hit| 200 + user(hit, 64, 900))),
    ("clienttimezone", Small(|hit| pick(hit, 65, &[240, 180, 300, 0, 360]))),
    ("clienteventtime", Second(|hit| hit.second + even(hit, 66, 7200) - 3600)),
    ("silverlightversion1", Small(|hit| pick(hit, 67, &[0, 5, 4]))),
    ("silverlightversion2", Small(|hit| flag(hit, 68, 300))),
    ("silverlightversion3", Int(|hit| pick(hit, 69, &[0, 50918, 61118]))),
    ("silverlightversion4", Small(|hit| skew(hit, 70, 10))),
    ("pagecharset", Text(|hit| (if flag(hit, 71, 600) == 1 { "utf-8" } else { "windows-1251" }).to_owned())),
    ("codeversion", Int(|hit| skew(hit, 72, 2000))),
    ("islink", Small(|hit| flag(hit, 73, 150))),
    ("isdownload", Small(|hit| flag(hit, 74, 5))),
    ("isnotbounce", Small(|hit| flag(hit, 75, 300))),
    ("funiqid", Big(|hit| bits(hit.user, 3))),
    ("originalurl", Text(|hit| if flag(hit, 77, 150) == 1 { url(hit.counter, hit.page) } else { String::new() })),
    ("hid", Int(|hit| even(hit, 78, 1 << 30))),
    ("isoldcounter", Small(|hit| flag(hit, 79, 1))),
    ("isevent", Small(|hit| flag(hit, 80, 30))),
    ("isparameter", Small(|hit| flag(hit, 81, 10))),
    ("dontcounthits", Small(|hit| flag(hit, 82, 150))),
    ("withhash", Small(|hit| flag(hit, 83, 50))),
    ("hitcolor", Text(|hit| char::from(b"5TSDg"[skew(hit, 84, 5) as usize]).to_string())),
    ("localeventtime", Second(|hit| hit.second + 14_400)),
    ("age", Small(|hit| pick(hit, 86, &[0, 31, 22, 39, 50, 16]))),
    ("sex", Small(|hit| user(hit, 87, 3))),
    ("income", Small(|hit| user(hit, 88, 5))),
    ("interests", Small(|hit| user_skew(hit, 89, 30_000))),
    ("robotness", Small(|hit| skew(hit, 90, 50))),
    ("remoteip", Int(|hit| user(hit, 91, 1 << 31))),
    ("windowname", Int(|hit| if flag(hit, 92, 200) == 1 { even(hit, 92, 1 << 30) } else { -1 })),
    ("openername", Int(|_| -1)),
    ("historylength", Small(|hit| skew(hit, 94, 60))),
    ("browserlanguage", Text(|hit| ["ru", "en", "uk", "tr"][user_skew(hit, 95, 4) as usize].to_owned())),
    ("browsercountry", Text(|hit| ["RU", "US", "UA", "TR"][user_skew(hit, 96, 4) as usize].to_owned())),
    ("socialnetwork", Text(|_| String::new())),
    ("socialaction", Text(|_| String::new())),
    ("httperror", Small(|_| 0)),
    ("sendtiming", Int(|hit| skew(hit, 100, 30000))),
    ("dnstiming", Int(|hit| skew(hit, 101, 3000))),
    ("connecttiming", Int(|hit| skew(hit, 102, 3000))),
    ("responsestarttiming", Int(|hit| skew(hit, 103, 10000))),
    ("responseendtiming", Int(|hit| skew(hit, 104, 20000))),
    ("fetchtiming", Int(|hit| skew(hit, 105, 30000))),
    ("socialsourcenetworkid", Small(|hit| skew(hit, 106, 5))),
    ("socialsourcepage", Text(|_| String::new())),
    ("paramprice", Big(|_| 0)),
    ("paramorderid", Text(|_| String::new())),
    ("paramcurrency", Text(|_| "NH".to_owned())),
    ("paramcurrencyid", Small(|_| 0)),
    ("openstatservicename", Text(|hit| rare(hit, 112, "direct"))),
    ("openstatcampaignid", Text(|_| String::new())),
    ("openstatadid", Text(|hit| rare(hit, 114, "ad"))),
    ("openstatsourceid", Text(|_| String::new())),
    ("utmsource", Text(|hit| rare(hit, 116, "source"))),
    ("utmmedium", Text(|hit| rare(hit, 117, "cpc"))),
    ("utmcampaign", Text(|hit| rare(hit, 118, "campaign"))),
    ("utmcontent", Text(|_| String::new())),
    ("utmterm", Text(|_| String::new())),
    ("fromtag", Text(|_| String::new())),
    ("hasgclid", Small(|hit| flag(hit, 122, 10))),
    ("refererhash", Big(|hit| bits(hit.referer, 4))),
    ("urlhash", Big(|hit| url_hash(hit.counter, hit.page))),
    ("clid", Int(|_| 0)),
];

impl Workload for ClickBench {
    fn suite(&self) -> &'static str {
        "clickbench"
    }

    fn size(&self) -> String {
        format!("{}-rows", self.rows)
    }

    fn title(&self) -> String {
        format!("ClickBench's queries on {} rows of generated data", self.rows)
    }

    fn prepare(&self, root: &Path, threads: usize) -> Result<Vec<Source>> {
        if self.rows == 0 {
            return Err(Error::new("a table without rows says nothing: --rows is at least 1"));
        }
        let rows = self.rows;
        let folder = root.join(format!("clickbench-{rows}"));
        files_of(&folder, Format::ParquetSnappy, &["hits"], threads, |_| {
            Ok(Box::new(Rows::new(rows, &COLUMNS, move |row| Hit::new(row, rows))))
        })
    }

    fn queries(&self) -> Result<Vec<Query>> {
        let text = include_str!("../../queries/clickbench.sql")
            .replace("{many}", &(self.rows / 1000).to_string())
            // A user with some three views.
            .replace("{user}", &bits(asked_user(self.rows), 2).to_string())
            .replace("{referer}", &bits(ASKED_PAGE, 4).to_string())
            .replace("{url}", &url_hash(62, ASKED_PAGE).to_string());
        Ok(texts::queries(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_same_every_time() -> Result<()> {
        let first = || Rows::new(20_000, &COLUMNS, |row| Hit::new(row, 20_000)).collect::<std::result::Result<Vec<_>, _>>();
        let batches = first()?;
        assert_eq!(batches, first()?);
        assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 20_000);
        assert_eq!(batches[0].num_columns(), 105);
        Ok(())
    }

    #[test]
    fn values_are_skewed_as_the_queries_expect() {
        let hits: Vec<Hit> = (0..50_000).map(|row| Hit::new(row, 50_000)).collect();
        let share = |test: &dyn Fn(&Hit) -> bool| hits.iter().filter(|hit| test(hit)).count() as f64 / hits.len() as f64;
        assert!((0.84..0.90).contains(&share(&|hit| hit.phrase == 0)));
        assert!((0.02..0.2).contains(&share(&|hit| hit.counter == 62)));
        assert!((0.0005..0.1).contains(&share(&|hit| url(hit.counter, hit.page).contains("google"))));
        assert!((0.00001..0.001).contains(&share(&|hit| hit.user == asked_user(50_000))));
        let users: std::collections::HashSet<u64> = hits.iter().map(|hit| hit.user).collect();
        assert!(users.len() > 3_000, "{}", users.len());
    }

    #[test]
    fn there_are_43_queries_without_places_left_open() -> Result<()> {
        let queries = ClickBench { rows: 1_000_000 }.queries()?;
        assert_eq!(queries.len(), 43);
        assert!(queries.iter().all(|query| !query.sql.contains('{')));
        assert_eq!((queries[0].name.as_str(), queries[42].name.as_str()), ("Q1", "Q43"));
        Ok(())
    }
}
