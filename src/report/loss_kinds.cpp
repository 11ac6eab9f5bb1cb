#include "report/loss_kinds.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace cofferdam::report {

namespace {

constexpr std::array kKinds = {
    LossKind{"upload", "CD110", Severity::warning, "uploaded file", "uploaded files",
             "gone at the next deployment or restart, and never there in another instance", "storage.mounts", true},
    LossKind{"database", "CD111", Severity::warning, "embedded database file", "embedded database files",
             "the rows end with the instance, and each instance has its own", "storage.mounts", false},
    LossKind{"pid", "CD112", Severity::note, "PID file", "PID files",
             "one that outlives its process keeps the next start from working", "storage.mounts", false},
    LossKind{"session", "CD113", Severity::warning, "session file", "session files",
             "people are logged out at each restart, and whenever another instance answers", "storage.mounts", false},
    LossKind{"index", "CD114", Severity::warning, "search index file", "search index files",
             "the next instance finds nothing until it is built again, and each instance finds something else",
             "storage.mounts", false},
    LossKind{"schedule", "CD116", Severity::warning, "scheduler file", "scheduler files",
             "after a restart it does not know what ran, and each replica runs every job", "storage.mounts", false},
    LossKind{"lock", "CD117", Severity::note, "lock file", "lock files",
             "it locks within this instance only: another replica has its own", "storage.mounts", false},
    LossKind{"package", "CD118", Severity::warning, "file of an installed package", "files of installed packages",
             "each start installs them again, from a registry that may be down or has changed", "storage.mounts",
             false},
    LossKind{"log", "CD301", Severity::warning, "log file", "log files",
             "insight comes from the log stream, nobody looks into an instance", "logs.sinks", false},
};

struct FrameworkFix {
  std::string_view file_class;
  Framework framework;
  std::string_view fix;
};
constexpr std::array kFixes = {
    FrameworkFix{"upload", Framework::django,
                 "Django: STORAGES['default'] with django-storages (S3Storage, GoogleCloudStorage, AzureStorage)"},
    FrameworkFix{"upload", Framework::flask, "Flask: upload with boto3 or Flask-FS in place of file.save()"},
    FrameworkFix{"upload", Framework::rails,
                 "Rails: config.active_storage.service = :amazon (or :google, :microsoft) with config/storage.yml; "
                 "CarrierWave: storage :fog"},
    FrameworkFix{"upload", Framework::laravel,
                 "Laravel: FILESYSTEM_DISK=s3 and league/flysystem-aws-s3-v3 in place of the local disk"},
    FrameworkFix{"upload", Framework::symfony, "Symfony: a Flysystem storage (league/flysystem-bundle) on S3"},
    FrameworkFix{"upload", Framework::wordpress, "WordPress: a media offload plugin (WP Offload Media, S3-Uploads)"},
    FrameworkFix{"upload", Framework::php, "PHP: hand the uploaded file to an S3 client (aws/aws-sdk-php, Flysystem)"},
    FrameworkFix{"upload", Framework::express,
                 "Node: multer-s3 in place of multer's dest or diskStorage, or @aws-sdk/lib-storage"},
    FrameworkFix{"upload", Framework::spring,
                 "Spring: store the MultipartFile with an S3 client (Spring Cloud AWS S3Template)"},
    FrameworkFix{"upload", Framework::go, "Go: stream the part to a bucket (gocloud.dev/blob, minio-go, aws-sdk-go)"},
    FrameworkFix{"upload", Framework::any, "send uploads to an object store (S3, GCS, Azure Blob)"},

    FrameworkFix{"database", Framework::django,
                 "Django: DATABASES from DATABASE_URL (dj-database-url, django-environ) to PostgreSQL or MySQL"},
    FrameworkFix{"database", Framework::flask, "Flask: SQLALCHEMY_DATABASE_URI from DATABASE_URL"},
    FrameworkFix{"database", Framework::rails, "Rails: DATABASE_URL overrides config/database.yml; add the pg gem"},
    FrameworkFix{"database", Framework::laravel, "Laravel: DB_CONNECTION=pgsql or mysql, and DB_URL"},
    FrameworkFix{"database", Framework::spring,
                 "Spring: SPRING_DATASOURCE_URL=jdbc:postgresql://... in place of the embedded H2, HSQLDB or Derby"},
    FrameworkFix{"database", Framework::any,
                 "use a database service that DATABASE_URL names; for a cache or a queue: Redis"},

    FrameworkFix{"pid", Framework::rails, "Rails: rails server --pid /dev/null, and no pidfile in config/puma.rb"},
    FrameworkFix{"pid", Framework::any,
                 "start the program in the foreground without its pidfile option: the platform watches the process"},

    FrameworkFix{"session", Framework::django,
                 "Django: SESSION_ENGINE = 'django.contrib.sessions.backends.cached_db' (or cache, or signed_cookies)"},
    FrameworkFix{"session", Framework::flask,
                 "Flask: SESSION_TYPE = 'redis' for Flask-Session, or Flask's own signed cookies"},
    FrameworkFix{"session", Framework::rails,
                 "Rails: config.session_store :cookie_store, or :redis_session_store, :cache_store"},
    FrameworkFix{"session", Framework::laravel, "Laravel: SESSION_DRIVER=redis, database or cookie"},
    FrameworkFix{"session", Framework::symfony,
                 "Symfony: framework.session.handler_id with a Redis or PDO session handler"},
    FrameworkFix{"session", Framework::php,
                 "php.ini: session.save_handler = redis and session.save_path = tcp://HOST:6379"},
    FrameworkFix{"session", Framework::express,
                 "express-session with connect-redis (or connect-pg-simple) as its store"},
    FrameworkFix{"session", Framework::spring, "Spring Session: spring-session-data-redis or spring-session-jdbc"},
    FrameworkFix{"session", Framework::any, "keep sessions in Redis, in the database or in signed cookies"},

    FrameworkFix{
        "index", Framework::django,
        "Django: Haystack on Elasticsearch or Solr in place of Whoosh or Xapian, or django.contrib.postgres.search"},
    FrameworkFix{"index", Framework::laravel,
                 "Laravel Scout: SCOUT_DRIVER=meilisearch, typesense or database in place of tntsearch"},
    FrameworkFix{"index", Framework::rails, "Rails: searchkick or pg_search in place of an index on disk"},
    FrameworkFix{"index", Framework::any,
                 "use a search service (Elasticsearch, OpenSearch, Meilisearch) or the database's full-text search"},

    FrameworkFix{"schedule", Framework::django,
                 "celery beat --scheduler django_celery_beat.schedulers:DatabaseScheduler, in exactly one instance"},
    FrameworkFix{"schedule", Framework::any,
                 "celery beat with redbeat or django-celery-beat, in exactly one instance, or the platform's cron"},

    FrameworkFix{"lock", Framework::any,
                 "where replicas must agree, take the lock in the database (pg_advisory_lock) or in Redis"},

    FrameworkFix{
        "package", Framework::any,
        "install packages when the image is built (RUN pip install, npm ci, bundle install, ...), not at start"},

    FrameworkFix{"log", Framework::django, "Django: LOGGING with a logging.StreamHandler in place of the FileHandler"},
    FrameworkFix{"log", Framework::python,
                 "a logging.StreamHandler in place of the FileHandler; else logging.basicConfig()"},
    FrameworkFix{"log", Framework::ruby, "Logger.new($stdout)"},
    FrameworkFix{"log", Framework::rails, "Rails: config.logger = Logger.new($stdout), or RAILS_LOG_TO_STDOUT=1"},
    FrameworkFix{"log", Framework::laravel, "Laravel: LOG_CHANNEL=stderr"},
    FrameworkFix{"log", Framework::wordpress, "WordPress: define('WP_DEBUG_LOG', '/dev/stderr')"},
    FrameworkFix{"log", Framework::php, "error_log = /dev/stderr in php.ini"},
    FrameworkFix{"log", Framework::express, "use console.log, or the console transport of the logger (winston, pino)"},
    FrameworkFix{"log", Framework::spring,
                 "use a console appender (Logback ConsoleAppender; Spring: unset logging.file.name)"},
    FrameworkFix{"log", Framework::any, "let the program log to stdout or stderr"},
};

// A program's own switch is nearer than its framework's. Found at the beginning of a word of its command.
struct ProgramFix {
  std::string_view file_class;
  std::string_view program;
  std::string_view fix;
};
constexpr std::array kProgramFixes = {
    ProgramFix{"log", "gunicorn", "start gunicorn with --error-logfile - --access-logfile -"},
    ProgramFix{"log", "celery", "start celery without --logfile: it logs to stderr then"},
    ProgramFix{"log", "uwsgi", "remove logto and daemonize from the uWSGI configuration"},
    ProgramFix{"log", "nginx", "in nginx.conf: error_log stderr; access_log /dev/stdout;"},
    ProgramFix{"log", "apache2",
               "in the Apache configuration: ErrorLog /dev/stderr and CustomLog /dev/stdout combined"},
    ProgramFix{"log", "httpd", "in the Apache configuration: ErrorLog /dev/stderr and CustomLog /dev/stdout combined"},
    ProgramFix{"log", "puma", "Rails: config.logger = Logger.new($stdout), or RAILS_LOG_TO_STDOUT=1"},
    ProgramFix{"pid", "gunicorn", "start gunicorn without --pid"},
    ProgramFix{"pid", "celery", "start celery in the foreground (celery worker, celery beat) with --pidfile="},
    ProgramFix{"pid", "uwsgi", "remove pidfile and daemonize from the uWSGI configuration"},
    ProgramFix{"pid", "nginx", "nginx -g 'daemon off; pid /dev/null;'"},
    ProgramFix{"pid", "puma", "remove pidfile from config/puma.rb, or start with --pidfile /dev/null"},
    ProgramFix{"pid", "unicorn", "remove pid from the unicorn configuration"},
    ProgramFix{"pid", "apache2", "run apache2 -D FOREGROUND; its PID file belongs on a tmpfs (APACHE_PID_FILE)"},
};

// A directory below the home directory and the variable that moves it. The longest names come first.
struct HomeCache {
  std::string_view folder;
  std::string_view fix;
};
constexpr std::array kHomeCaches = {
    HomeCache{".cache/huggingface", "set HF_HOME to a directory of the image, with the models in it"},
    HomeCache{".cache/torch", "set TORCH_HOME to a directory of the image, with the models in it"},
    HomeCache{".cache/matplotlib", "set MPLCONFIGDIR to a directory below /tmp"},
    HomeCache{".config/matplotlib", "set MPLCONFIGDIR to a directory below /tmp"},
    HomeCache{".cache/fontconfig", "run fc-cache when the image is built, or set XDG_CACHE_HOME below /tmp"},
    HomeCache{".cache/pip", "set PIP_NO_CACHE_DIR=1, and install when the image is built"},
    HomeCache{".cache/yarn", "set YARN_CACHE_FOLDER below /tmp, and install when the image is built"},
    HomeCache{".cache/composer", "set COMPOSER_CACHE_DIR below /tmp, and install when the image is built"},
    HomeCache{".cache/go-build", "set GOCACHE below /tmp, or build when the image is built"},
    HomeCache{".cache/ms-playwright", "set PLAYWRIGHT_BROWSERS_PATH to a directory of the image"},
    HomeCache{".cache/puppeteer", "set PUPPETEER_CACHE_DIR to a directory of the image"},
    HomeCache{".cache/node/corepack", "set COREPACK_HOME to a directory of the image"},
    HomeCache{".cache/numba", "set NUMBA_CACHE_DIR below /tmp"},
    HomeCache{".cache", "set XDG_CACHE_HOME to a directory below /tmp"},
    HomeCache{".npm", "set npm_config_cache below /tmp, and install when the image is built"},
    HomeCache{".keras", "set KERAS_HOME to a directory of the image"},
    HomeCache{"nltk_data", "set NLTK_DATA to a directory of the image, with the data in it"},
    HomeCache{".gradle", "set GRADLE_USER_HOME below /tmp, and build when the image is built"},
    HomeCache{".m2", "give Maven -Dmaven.repo.local, and build when the image is built"},
    HomeCache{".bundle", "set BUNDLE_USER_HOME below /tmp, and install when the image is built"},
    HomeCache{".ipython", "set IPYTHONDIR below /tmp"},
    HomeCache{".jupyter", "set JUPYTER_CONFIG_DIR below /tmp"},
    HomeCache{".streamlit", "set STREAMLIT_BROWSER_GATHER_USAGE_STATS=false, and HOME below /tmp"},
    HomeCache{".config", "set XDG_CONFIG_HOME to a directory below /tmp"},
    HomeCache{".local/state", "set XDG_STATE_HOME to a directory below /tmp"},
};

bool names(const ProcessInfo& process, std::string_view program) {
  // Servers change their title: "puma 6.0 (tcp://0.0.0.0:3000)", "nginx: worker process".
  const auto is_it = [&](std::string_view word) {
    word = word.substr(0, word.find(' '));
    return word.substr(word.rfind('/') + 1).starts_with(program);
  };
  if (is_it(process.exe)) return true;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, process.argv.size()); ++i) {
    if (is_it(process.argv[i])) return true;
  }
  return !process.lineage.empty() && is_it(process.lineage.front());
}

}  // namespace

const LossKind* find_loss_kind(std::string_view file_class) {
  const auto* kind = std::ranges::find(kKinds, file_class, &LossKind::file_class);
  return kind == kKinds.end() ? nullptr : kind;
}

const LossKind* find_loss_kind_of_code(std::string_view code) {
  const auto* kind = std::ranges::find(kKinds, code, &LossKind::code);
  return kind == kKinds.end() ? nullptr : kind;
}

std::string_view fix_of(std::string_view file_class, std::span<const Framework> frameworks, const ProcessInfo* writer) {
  if (writer != nullptr) {
    const auto* row = std::ranges::find_if(kProgramFixes, [&](const ProgramFix& fix) {
      return fix.file_class == file_class && names(*writer, fix.program);
    });
    if (row != kProgramFixes.end()) return row->fix;
  }
  for (const Framework framework : frameworks) {
    const auto* row = std::ranges::find_if(
        kFixes, [&](const FrameworkFix& fix) { return fix.file_class == file_class && fix.framework == framework; });
    if (row != kFixes.end()) return row->fix;
  }
  return {};
}

std::string_view home_cache_fix(std::string_view path, std::string_view home) {
  if (home.size() < 2 || path.size() <= home.size() || !base::is_beneath(path, home)) return {};
  const std::string_view inside = path.substr(home.size() + 1);
  const auto* row =
      std::ranges::find_if(kHomeCaches, [&](const HomeCache& cache) { return base::is_beneath(inside, cache.folder); });
  return row == kHomeCaches.end() ? std::string_view{} : row->fix;
}

}  // namespace cofferdam::report
