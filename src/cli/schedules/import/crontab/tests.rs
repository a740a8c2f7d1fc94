//! Crontabs as they are found on machines.

use ::schedules::Millis;

use super::super::check::check;
use super::super::entry::Left;
use super::*;

/// 2026-11-26T12:00:00Z.
const NOW: Millis = Millis(1_795_694_400_000);

const USERS: &str = r#"# m h dom mon dow command
SHELL=/bin/bash
PATH = "/usr/local/bin:/usr/bin"
MAILTO=""

0 5 * * 1 tar -zcf /var/backups/home.tgz /home/
*/5 * * * * /usr/bin/php /var/www/artisan schedule:run >> /dev/null 2>&1
* * * * * cd /var/www && php artisan queue:work
17 * * * *	root	cd / && run-parts --report /etc/cron.hourly
@daily /usr/bin/certbot renew --quiet
@reboot /usr/local/bin/start-agent
@every_minute x
30 4 1,15 * 5 /opt/report.sh
0 0 */2 * mon /opt/odd.sh
CRON_TZ=Europe/London
0 9 * * mon-fri mail -s "Stand up" team%Hello,%see you at 9.%
0 6 * * * date +\%Y-\%m-\%d > /tmp/day
CRON_TZ=
TZ=America/New_York
15 14 1 * * $HOME/bin/monthly
CRON_TZ=Asia/Tokyo 30 4 * * * /bin/tokyo
0 22-2 * * * /bin/night
0~59 3 * * * /bin/random
61 * * * * /bin/never
0 0 30 2 * /bin/never2
* * * *
0 0 * * *
0 0 5 * * * /bin/seconds
CRON_TZ=Mars/Base
0 1 * * * /bin/lost
CRON_TZ='UTC'
-*/15 * * * * /usr/lib/sa/sa1 1 1
*/5 * * * * /usr/bin/php /var/www/artisan schedule:run >> /dev/null 2>&1
0 3 * * * RAILS_ENV=production bin/rails db:sessions:trim
"#;

fn import(text: &str, options: &Options) -> Import {
    read(text, options)
}

#[test]
fn a_crontab_becomes_schedules() {
    let options = Options { origin: "crontab".into(), ..Options::default() };
    let import = import(USERS, &options);
    // line, name, expression, zone, command, standard input
    let expected = [
        (6, "tar-zcf-home.tgz-home", "0 5 * * 1", None, "tar -zcf /var/backups/home.tgz /home/", None),
        (
            7,
            "php-artisan-schedule:run",
            "*/5 * * * *",
            None,
            "/usr/bin/php /var/www/artisan schedule:run >> /dev/null 2>&1",
            None,
        ),
        (8, "php-artisan-queue:work", "* * * * *", None, "cd /var/www && php artisan queue:work", None),
        (9, "root-cd", "17 * * * *", None, "root\tcd / && run-parts --report /etc/cron.hourly", None),
        (10, "certbot-renew-quiet", "@daily", None, "/usr/bin/certbot renew --quiet", None),
        (12, "x", "@every_minute", None, "x", None),
        (13, "report.sh", "30 4 1,15 * 5", None, "/opt/report.sh", None),
        (
            16,
            "mail-s-Stand-up-team",
            "0 9 * * mon-fri",
            Some("Europe/London"),
            "mail -s \"Stand up\" team",
            Some("Hello,\nsee you at 9.\n"),
        ),
        (17, "date-Y-m-d", "0 6 * * *", Some("Europe/London"), "date +%Y-%m-%d > /tmp/day", None),
        (20, "monthly", "15 14 1 * *", None, "$HOME/bin/monthly", None),
        (21, "tokyo", "30 4 * * *", Some("Asia/Tokyo"), "/bin/tokyo", None),
        (22, "night", "0 22-2 * * *", None, "/bin/night", None),
        (24, "never", "61 * * * *", None, "/bin/never", None),
        (25, "never2", "0 0 30 2 *", None, "/bin/never2", None),
        (32, "sa1-1-1", "*/15 * * * *", Some("UTC"), "/usr/lib/sa/sa1 1 1", None),
        (
            33,
            "php-artisan-schedule:run-2",
            "*/5 * * * *",
            Some("UTC"),
            "/usr/bin/php /var/www/artisan schedule:run >> /dev/null 2>&1",
            None,
        ),
        (
            34,
            "rails-db:sessions:trim",
            "0 3 * * *",
            Some("UTC"),
            "RAILS_ENV=production bin/rails db:sessions:trim",
            None,
        ),
    ];
    for (entry, (line, name, cron, zone, command, stdin)) in import.entries.iter().zip(expected) {
        let payload = &entry.body["payload"];
        assert_eq!((entry.line, entry.name.to_lowercase()), (line, name.to_lowercase()));
        assert_eq!((&entry.body["cron"], entry.body["timezone"].as_str()), (&json!(cron), zone), "line {line}");
        assert_eq!((payload["command"].as_str(), payload["stdin"].as_str()), (Some(command), stdin), "line {line}");
        assert_eq!((&entry.body["overlap"], &entry.body["catchup"]), (&json!("allow"), &json!("none")));
    }
    assert_eq!(import.entries.len(), expected.len());
}

#[test]
fn what_cannot_be_had_is_said_with_its_line() {
    let import = import(USERS, &Options::default());
    let expected = [
        (11, "@reboot cannot be had"),
        (14, "either is enough"),
        (23, "random time"),
        (26, "it has 4 of the fields"),
        (27, "it has no command"),
        (28, "sixth field"),
        (29, "is not an IANA"),
        (30, "the zone of line 29 is not known"),
    ];
    let wrong: Vec<(usize, &str)> = import.wrong.iter().map(|left| (left.line, &*left.message)).collect();
    assert_eq!(wrong.len(), expected.len(), "{wrong:?}");
    for ((line, message), (expected_line, part)) in wrong.into_iter().zip(expected) {
        assert!(line == expected_line && message.contains(part), "{line}: {message}");
    }
}

#[test]
fn what_the_engine_refuses_names_line_and_field() {
    let entries = import(USERS, &Options::default()).entries;
    let refused: Vec<Left> = entries.into_iter().filter_map(|entry| check(entry, NOW).err()).collect();
    let expected = [
        (12, "cron: \"@every_minute\" is not known"),
        (24, "cron: the minute field \"61\""),
        (25, "cron: never fires"),
    ];
    assert_eq!(refused.len(), expected.len(), "{refused:?}");
    for (left, (line, message)) in refused.iter().zip(expected) {
        assert!(left.line == line && left.message.to_lowercase().starts_with(message), "{left:?}");
    }
}

#[test]
fn what_differs_is_remarked_where_it_does() {
    let import = import(USERS, &Options::default());
    let has = |line: usize, part: &str| {
        let entry = import.entries.iter().find(|entry| entry.line == line).expect(part);
        entry.remarks.iter().any(|remark| remark.contains(part))
    };
    assert!(has(6, "pass --timezone") && has(6, "SHELL, PATH, MAILTO"));
    assert!(has(9, "pass --user-column") && !has(8, "--user-column"));
    assert!(has(13, "fit either"));
    assert!(!has(16, "--timezone") && !has(21, "--timezone"));
    assert!(has(20, "TZ=America/New_York was for the command only"));
    assert!(has(22, "goes on over the end"));
    assert!(has(32, "keeps cron from logging"));
}

#[test]
fn the_column_of_users_is_read_when_it_is_there() {
    let text =
        "17 *\t* * *\troot    cd / && run-parts --report /etc/cron.hourly\n@weekly www-data /bin/x\n0 1 * * * root\n";
    let options = Options {
        user_column: true,
        timezone: Some("Europe/Paris".into()),
        prefix: "web1-".into(),
        ..Options::default()
    };
    let import = import(text, &options);
    let payloads: Vec<&Value> = import.entries.iter().map(|entry| &entry.body["payload"]).collect();
    assert_eq!(
        payloads,
        [
            &json!({"user": "root", "command": "cd / && run-parts --report /etc/cron.hourly"}),
            &json!({"user": "www-data", "command": "/bin/x"}),
        ]
    );
    assert_eq!((&*import.entries[1].name, &import.entries[1].body["timezone"]), ("web1-x", &json!("Europe/Paris")));
    assert_eq!(import.wrong[0].message, "it has no command");
}

#[test]
fn names_stay_when_lines_are_added() {
    let names = |text: &str| {
        let import = import(text, &Options::default());
        import.entries.into_iter().map(|entry| entry.name).collect::<Vec<_>>()
    };
    assert_eq!(names("0 1 * * * a\n0 2 * * * a\n"), ["a", "a-2"]);
    assert_eq!(names("0 1 * * * a\n0 2 * * * a\n0 3 * * * a\n"), ["a", "a-2", "a-3"]);
}

#[test]
fn no_line_makes_it_panic() {
    let parts = [
        "*", "0", "@", "@reboot", "%", "\\%", "=", "CRON_TZ=", "é", "\t", " ", "-", "/", "~", "root", "\"", "'", "#",
        ">",
    ];
    let mut seed = 7_usize;
    for _ in 0..5_000 {
        let mut line = String::new();
        for _ in 0..12 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            line += parts[(seed >> 33) % parts.len()];
        }
        let import = import(&line, &Options::default());
        assert!(import.entries.len() + import.wrong.len() <= 1, "{line}");
    }
}
