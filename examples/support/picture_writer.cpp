#include "picture_writer.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace example_support {

// Not in the unnamed namespace: `job` has one.
struct close_file {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using file_handle = std::unique_ptr<std::FILE, close_file>;

namespace {

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error(what + ": " + std::strerror(errno));
}

/// A file without a name, which disappears when it is closed, however the program ends.
file_handle nameless_file() {
    file_handle file(std::tmpfile());
    if (!file) fail("cannot make a temporary file");
    return file;
}

/// Starts gnuplot. Its commands come from a file instead of a pipe: so nothing waits for gnuplot to read, and
/// a gnuplot that dies causes no SIGPIPE.
pid_t start_gnuplot(std::vector<const char*> arguments, int commands, int output, int messages) {
    arguments.insert(arguments.begin(), "gnuplot");
    arguments.push_back(nullptr);

    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, commands, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, messages, STDERR_FILENO);

    // This program blocks the signals that it waits for; gnuplot must be interruptible as usual.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);

    pid_t process = 0;
    errno =
        posix_spawnp(&process, "gnuplot", &files, &attributes, const_cast<char**>(arguments.data()), environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    if (errno == ENOENT)
        throw std::runtime_error(
            "gnuplot draws the pictures and is not installed (Debian and Ubuntu: apt-get install "
            "gnuplot-nox)");
    if (errno != 0) fail("cannot start gnuplot");
    return process;
}

int wait_for(pid_t process) {
    int status = 0;
    while (waitpid(process, &status, 0) < 0)
        if (errno != EINTR) fail("cannot wait for gnuplot");
    return status;
}

void require_gnuplot() {
    const file_handle nothing = nameless_file();
    const int file = fileno(nothing.get());
    const int status = wait_for(start_gnuplot({"--version"}, file, file, file));
    if (status != 0) throw std::runtime_error("gnuplot is installed but does not run (`gnuplot --version`)");
}

/// gnuplot does not notice a full disk, but a truncated file lacks its last bytes.
bool is_whole(const std::filesystem::path& file, const std::string& name) {
    const std::string_view ending =
        name.ends_with(".png") ? std::string_view("IEND\xAE\x42\x60\x82", 8) : std::string_view(";", 1);
    std::ifstream in(file, std::ios::binary | std::ios::ate);
    const auto size = static_cast<std::streamoff>(ending.size());
    if (!in || static_cast<std::streamoff>(in.tellg()) <= size) return false;
    in.seekg(-size, std::ios::end);
    std::string last(ending.size(), '\0');
    in.read(last.data(), static_cast<std::streamsize>(last.size()));
    return in && last == ending;
}

std::string contents(std::FILE* file) {
    std::rewind(file);
    std::string text;
    for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
    return text;
}

}  // namespace

struct picture_writer::job {
    std::string file_name;
    std::filesystem::path temporary;
    file_handle messages;
};

picture_writer::picture_writer(std::filesystem::path folder, unsigned at_once)
    : folder_(std::move(folder)), at_once_(at_once < 1 ? 1 : at_once) {
    require_gnuplot();
    std::filesystem::create_directories(folder_);
    if (access(folder_.c_str(), W_OK) != 0) fail("cannot write to " + folder_.string());
}

picture_writer::~picture_writer() {
    const std::scoped_lock lock(mutex_);
    stop_all_unlocked();
}

void picture_writer::write(const std::vector<picture>& pictures, const std::function<void()>& on_written) {
    for (const picture& each : pictures) {
        if (running_.size() >= at_once_) {
            finish_one();
            on_written();
        }
        start(each);
    }
    while (!running_.empty()) {
        finish_one();
        on_written();
    }
}

void picture_writer::abandon() {
    mutex_.lock();  // and never unlocked, so that no other picture is started or renamed
    stop_all_unlocked();
}

void picture_writer::start(const picture& what) {
    const file_handle commands = nameless_file();
    file_handle messages = nameless_file();
    if (std::fputs(what.script.c_str(), commands.get()) < 0 || std::fflush(commands.get()) != 0)
        fail("cannot write the commands for " + what.file_name);
    std::rewind(commands.get());

    const std::scoped_lock lock(mutex_);
    job made{what.file_name, folder_ / ("." + what.file_name + "." + std::to_string(getpid()) + ".tmp"),
             std::move(messages)};
    const int output = open(made.temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (output < 0) fail("cannot write " + made.temporary.string());
    try {
        // -d: ignores the user's own gnuplot settings, which would change the pictures.
        const pid_t process =
            start_gnuplot({"-d"}, fileno(commands.get()), output, fileno(made.messages.get()));
        running_.emplace(process, std::move(made));
    } catch (...) {
        close(output);
        std::filesystem::remove(made.temporary);
        throw;
    }
    close(output);
}

void picture_writer::finish_one() {
    siginfo_t ended{};
    while (waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT) < 0)
        if (errno != EINTR) fail("cannot wait for gnuplot");

    // Only here, under the lock, is the process removed from the system's list, so that `abandon` never sees
    // an identifier that is no longer ours.
    const std::scoped_lock lock(mutex_);
    const int status = wait_for(ended.si_pid);
    const auto found = running_.find(ended.si_pid);
    if (found == running_.end()) return;
    const job done = std::move(found->second);
    running_.erase(found);

    if (status != 0 || !is_whole(done.temporary, done.file_name)) {
        std::error_code ignored;
        std::filesystem::remove(done.temporary, ignored);
        throw std::runtime_error("gnuplot could not draw " + (folder_ / done.file_name).string() + ": " +
                                 contents(done.messages.get()));
    }
    bytes_ += std::filesystem::file_size(done.temporary);
    ++count_;
    std::filesystem::rename(done.temporary, folder_ / done.file_name);
}

void picture_writer::stop_all_unlocked() {
    for (const auto& [process, what] : running_) kill(process, SIGKILL);
    for (const auto& [process, what] : running_) {
        waitpid(process, nullptr, 0);
        std::error_code ignored;
        std::filesystem::remove(what.temporary, ignored);
    }
    running_.clear();
}

}  // namespace example_support
