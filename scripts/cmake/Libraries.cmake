# The libraries from Debian 12. With COFFERDAM_STATIC their archives are used, so that the binary needs nothing.
find_package(PkgConfig REQUIRED)

function(cofferdam_archive target archive package)
  add_library(${target} INTERFACE)
  if(COFFERDAM_STATIC)
    find_library(${target}_file NAMES lib${archive}.a REQUIRED)
  else()
    find_library(${target}_file NAMES ${archive} REQUIRED)
  endif()
  if(NOT ${target}_file)
    message(FATAL_ERROR "${archive} not found; on Debian: apt-get install ${package}")
  endif()
  target_link_libraries(${target} INTERFACE ${${target}_file})
endfunction()

cofferdam_archive(cofferdam_seccomp seccomp libseccomp-dev)
cofferdam_archive(cofferdam_yaml yaml-cpp libyaml-cpp-dev)
cofferdam_archive(cofferdam_cares cares libc-ares-dev)
cofferdam_archive(cofferdam_ssl ssl libssl-dev)
cofferdam_archive(cofferdam_crypto crypto libssl-dev)
cofferdam_archive(cofferdam_zlib z zlib1g-dev)
cofferdam_archive(cofferdam_zstd zstd libzstd-dev)
target_link_libraries(cofferdam_ssl INTERFACE cofferdam_crypto)
cofferdam_archive(cofferdam_options boost_program_options libboost-program-options-dev)
if(COFFERDAM_STATIC)
  target_compile_definitions(cofferdam_cares INTERFACE CARES_STATICLIB)
endif()

# spdlog and fmt have no archives in Debian 12: header-only.
add_library(cofferdam_spdlog INTERFACE)
target_compile_definitions(cofferdam_spdlog INTERFACE FMT_HEADER_ONLY SPDLOG_FMT_EXTERNAL)

# Boost.Beast (with Asio's error codes and buffers) and msgpack-cxx are headers only.
add_library(cofferdam_beast INTERFACE)
target_compile_definitions(cofferdam_beast INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ERROR_CODE_HEADER_ONLY)
