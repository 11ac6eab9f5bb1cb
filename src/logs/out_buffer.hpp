// Bytes on their way to a sink: grows, is written, is emptied, and never initialises what it is about to overwrite.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace cofferdam::logs {

class OutBuffer {
 public:
  // Room for `size` more bytes; the pointer is valid until the next reserve(). Say with commit() how many were used.
  [[nodiscard]] char* reserve(std::size_t size) {
    if (capacity_ - size_ < size) grow(size);
    return data_.get() + size_;
  }
  void commit(std::size_t size) { size_ += size; }
  // Forgets the last `size` bytes.
  void take_back(std::size_t size) { size_ -= size; }
  void append(std::string_view text) {
    if (text.empty()) return;
    std::memcpy(reserve(text.size()), text.data(), text.size());
    commit(text.size());
  }
  void append(char byte) { append(std::string_view(&byte, 1)); }

  [[nodiscard]] std::string_view view() const { return {data_.get(), size_}; }
  [[nodiscard]] std::size_t size() const { return size_; }
  void clear() { size_ = 0; }

 private:
  static constexpr std::size_t kFirstCapacity = 256 << 10;

  void grow(std::size_t size) {
    const std::size_t capacity = std::max({kFirstCapacity, capacity_ * 2, size_ + size});
    auto larger = std::make_unique_for_overwrite<char[]>(capacity);
    if (size_ != 0) std::memcpy(larger.get(), data_.get(), size_);
    data_ = std::move(larger);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace cofferdam::logs
