#include "checkpoint.hpp"

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iomanip>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "digest.hpp"

namespace mpi_training {
namespace {

static_assert(std::endian::native == std::endian::little, "the file has its numbers as they lie in memory");

constexpr std::array<char, 8> mark{'i', 'm', 'l', 'e', '-', 'm', 'p', 'i'};
constexpr std::uint64_t version = 4;
constexpr std::size_t head_size = sizeof mark + sizeof version + sizeof(std::uint64_t);

/// Appends numbers to bytes.
class writer {
  public:
    template <class T>
    void operator()(const T& number) {
        append(std::as_bytes(std::span(&number, 1)));
    }
    void operator()(const matrix& numbers) {
        append(std::as_bytes(std::span(numbers.data(), static_cast<std::size_t>(numbers.size()))));
    }
    void operator()(const std::vector<float>& numbers) { append(std::as_bytes(std::span(numbers))); }
    [[nodiscard]] std::vector<std::byte> take() { return std::move(bytes_); }

  private:
    void append(std::span<const std::byte> more) { bytes_.insert(bytes_.end(), more.begin(), more.end()); }

    std::vector<std::byte> bytes_;
};

/// Takes numbers from bytes; the caller makes sure that there are enough.
class reader {
  public:
    explicit reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

    template <class T>
    void operator()(T& number) {
        take(std::as_writable_bytes(std::span(&number, 1)));
    }
    void operator()(matrix& numbers) {
        take(std::as_writable_bytes(std::span(numbers.data(), static_cast<std::size_t>(numbers.size()))));
    }
    void operator()(std::vector<float>& numbers) { take(std::as_writable_bytes(std::span(numbers))); }
    [[nodiscard]] std::size_t left() const noexcept { return bytes_.size(); }

  private:
    void take(std::span<std::byte> out) {
        if (out.size() > bytes_.size())
            throw std::runtime_error("it has fewer numbers than its settings say");
        if (!out.empty()) std::memcpy(out.data(), bytes_.data(), out.size());
        bytes_ = bytes_.subspan(out.size());
    }

    std::span<const std::byte> bytes_;
};

// Writing and reading use the same list of fields, so they cannot disagree.

template <class Settings, class Visit>
void visit_settings(Settings& settings, Visit&& visit) {
    visit(settings.side, "--side");
    visit(settings.features, "--features");
    visit(settings.batch, "--batch");
    visit(settings.block, "--block");
    visit(settings.samples, "--samples");
    visit(settings.seed, "--seed");
    visit(settings.learning_rate, "--learning-rate");
    visit(settings.reduce, "--reduction");
}

template <class Checkpoint, class Visit>
void visit_state(Checkpoint& state, Visit&& visit) {
    visit(state.step);
    visit(state.weights);
    visit(state.optimizer.first_moment);
    visit(state.optimizer.second_moment);
    visit(state.optimizer.updates);
    visit(state.target.beta);
    visit(state.target.grad_norm);
    visit(state.target.previous_update);
    visit(state.target.gain);
}

std::string text_of(reduction how) {
    return name_of(how);
}
/// Prints all digits, so that different numbers have different texts.
template <class Number>
std::string text_of(Number number) {
    std::ostringstream out;
    out << std::setprecision(std::numeric_limits<double>::max_digits10) << number;
    return out.str();
}

void require_settings(const run_settings& saved, const run_settings& expected) {
    std::vector<std::string> wanted;
    visit_settings(expected, [&](auto value, const char*) { wanted.push_back(text_of(value)); });
    std::size_t i = 0;
    visit_settings(saved, [&](auto value, const char* name) {
        const std::string& want = wanted[i++];
        const std::string was = text_of(value);
        if (was != want)
            throw std::runtime_error("it was made with " + std::string(name) + ' ' + was + ", this run has " +
                                     want);
    });
}

checkpoint decoded(std::span<const std::byte> bytes, const run_settings& expected) {
    const auto all = bytes;
    reader read(bytes);
    std::array<char, 8> found_mark{};
    std::uint64_t found_version = 0;
    std::uint64_t size = 0;
    if (bytes.size() >= head_size) {
        read(found_mark);
        read(found_version);
        read(size);
    }
    if (found_mark != mark) throw std::runtime_error("it is not a checkpoint of mpi_training");
    if (found_version != version)
        throw std::runtime_error("its version is " + std::to_string(found_version) + ", expected " +
                                 std::to_string(version));
    if (size != all.size())
        throw std::runtime_error("it has " + std::to_string(all.size()) + " bytes, expected " +
                                 std::to_string(size));
    std::uint64_t sum = 0;
    std::memcpy(&sum, all.data() + all.size() - sizeof sum, sizeof sum);
    if (sum != digest(all.first(all.size() - sizeof sum)))
        throw std::runtime_error("its checksum is wrong: some of its bytes were changed");

    checkpoint saved;
    visit_settings(saved.settings, [&](auto& value, const char*) { read(value); });
    require_settings(saved.settings, expected);
    std::uint64_t key = 0;
    std::uint64_t stream = 0;
    read(key);
    read(stream);
    saved.key = imle::random_key{saved.settings.seed};
    if (key != saved.key.philox_key() || stream != saved.key.stream())
        throw std::runtime_error("its key is not that of its seed: another version of imle made it");
    saved.weights.resize(1 + saved.settings.features, saved.settings.cells());
    saved.optimizer = make_optimizer(saved.settings);
    visit_state(saved, read);
    if (read.left() != sizeof sum) throw std::runtime_error("it has more numbers than its settings say");
    return saved;
}

[[noreturn]] void throw_errno(const std::string& doing, const std::string& file) {
    throw std::system_error(errno, std::generic_category(), doing + " " + file);
}

/// A file descriptor that closes itself.
class descriptor {
  public:
    descriptor(const std::string& path, int flags) : path_(path), number_(::open(path.c_str(), flags, 0666)) {
        if (number_ < 0) throw_errno("cannot open", path_);
    }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() { ::close(number_); }

    void write(std::span<const std::byte> bytes) {
        while (!bytes.empty()) {
            const ::ssize_t written = ::write(number_, bytes.data(), bytes.size());
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) throw_errno("cannot write", path_);
            bytes = bytes.subspan(static_cast<std::size_t>(written));
        }
    }
    [[nodiscard]] std::size_t read(std::span<std::byte> out) {
        for (;;) {
            const ::ssize_t count = ::read(number_, out.data(), out.size());
            if (count >= 0) return static_cast<std::size_t>(count);
            if (errno != EINTR) throw_errno("cannot read", path_);
        }
    }
    /// Waits until the data is on the disk.
    void sync() {
        if (::fsync(number_) != 0) throw_errno("cannot write", path_);
    }

  private:
    std::string path_;
    int number_;
};

}  // namespace

example_support::adam make_optimizer(const run_settings& settings) {
    return {static_cast<std::size_t>((1 + settings.features) * settings.cells()),
            static_cast<float>(settings.learning_rate)};
}

std::vector<std::byte> to_bytes(const checkpoint& saved) {
    writer fields;
    visit_settings(saved.settings, [&](const auto& value, const char*) { fields(value); });
    fields(saved.key.philox_key());
    fields(saved.key.stream());
    visit_state(saved, fields);
    const std::vector<std::byte> body = fields.take();

    writer file;
    file(mark);
    file(version);
    file(static_cast<std::uint64_t>(head_size + body.size() + sizeof(std::uint64_t)));
    std::vector<std::byte> bytes = file.take();
    bytes.insert(bytes.end(), body.begin(), body.end());
    const std::uint64_t sum = digest(bytes);
    const auto sum_bytes = std::as_bytes(std::span(&sum, 1));
    bytes.insert(bytes.end(), sum_bytes.begin(), sum_bytes.end());
    return bytes;
}

checkpoint from_bytes(std::span<const std::byte> bytes, const run_settings& expected,
                      const std::string& file) {
    try {
        return decoded(bytes, expected);
    } catch (const std::runtime_error& error) {
        throw std::runtime_error("the checkpoint " + file + " cannot be used: " + error.what());
    }
}

void write_atomically(const std::string& file, std::span<const std::byte> bytes) {
    const std::string unfinished = file + ".tmp";
    try {
        {
            descriptor out(unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
            out.write(bytes);
            out.sync();  // before renaming: else a crash of the machine could leave an empty file
        }
        if (::rename(unfinished.c_str(), file.c_str()) != 0) throw_errno("cannot rename to", file);
    } catch (...) {
        ::unlink(unfinished.c_str());
        throw;
    }
    const std::filesystem::path folder = std::filesystem::path(file).parent_path();
    descriptor(folder.empty() ? "." : folder.string(), O_RDONLY | O_DIRECTORY | O_CLOEXEC).sync();
}

std::vector<std::byte> read_file(const std::string& file) {
    descriptor in(file, O_RDONLY | O_CLOEXEC);
    std::vector<std::byte> bytes;
    std::array<std::byte, 65536> piece{};
    while (const std::size_t count = in.read(piece))
        bytes.insert(bytes.end(), piece.data(), piece.data() + count);
    return bytes;
}

}  // namespace mpi_training
