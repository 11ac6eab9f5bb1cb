# libcofferdam.so: the public headers' functions for other programs, with its package files. ARCHITECTURE.md says why it
# is a shared library and has objects of its own: those of the binary are no position-independent code.
file(GLOB library_sources CONFIGURE_DEPENDS
     ${PROJECT_SOURCE_DIR}/src/api/*.cpp ${PROJECT_SOURCE_DIR}/src/base/*.cpp ${PROJECT_SOURCE_DIR}/src/policy/*.cpp)
list(APPEND library_sources ${COFFERDAM_EMBEDDED_POLICIES} ${PROJECT_SOURCE_DIR}/src/kernel/fd.cpp
     ${PROJECT_SOURCE_DIR}/src/kernel/process.cpp
     ${PROJECT_SOURCE_DIR}/src/report/event_reader.cpp ${PROJECT_SOURCE_DIR}/src/report/json_reader.cpp
     ${PROJECT_SOURCE_DIR}/src/report/json_values.cpp)

# Debian's archive of yaml-cpp can't be linked into a shared library: its run-time package libyaml-cpp0.7 is needed.
find_library(COFFERDAM_YAML_SHARED NAMES libyaml-cpp.so REQUIRED)

add_library(cofferdam_shared SHARED ${library_sources})
add_library(cofferdam::cofferdam ALIAS cofferdam_shared)
target_link_libraries(cofferdam_shared PRIVATE $<BUILD_INTERFACE:cofferdam_settings> ${COFFERDAM_YAML_SHARED})
target_compile_features(cofferdam_shared PUBLIC cxx_std_23)
target_compile_definitions(cofferdam_shared PRIVATE COFFERDAM_LIBRARY_TO_BINARY="${COFFERDAM_LIBRARY_TO_BINARY}")
target_include_directories(cofferdam_shared INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
# What the map does not name is nobody's outside, the C++ library's own templates included.
set(library_map ${PROJECT_SOURCE_DIR}/scripts/cmake/libcofferdam.map)
target_link_options(cofferdam_shared PRIVATE -Wl,--version-script=${library_map} -Wl,--gc-sections -Wl,--no-undefined)
set_target_properties(cofferdam_shared PROPERTIES
  OUTPUT_NAME cofferdam EXPORT_NAME cofferdam VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
  LINK_DEPENDS ${library_map})

install(TARGETS cofferdam_shared EXPORT cofferdam LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/cofferdam DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT library)

set(package_directory ${CMAKE_INSTALL_LIBDIR}/cmake/cofferdam)
include(CMakePackageConfigHelpers)
configure_package_config_file(${PROJECT_SOURCE_DIR}/scripts/cmake/cofferdamConfig.cmake.in
  ${PROJECT_BINARY_DIR}/cofferdamConfig.cmake INSTALL_DESTINATION ${package_directory} PATH_VARS CMAKE_INSTALL_BINDIR)
# Before 1.0 a minor version may change anything.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/cofferdamConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/cofferdamConfig.cmake ${PROJECT_BINARY_DIR}/cofferdamConfigVersion.cmake
  DESTINATION ${package_directory} COMPONENT library)
install(EXPORT cofferdam NAMESPACE cofferdam:: FILE cofferdamTargets.cmake DESTINATION ${package_directory}
  COMPONENT library)

# Relative to where the file lies, so that a prefix may be moved.
file(RELATIVE_PATH COFFERDAM_PC_TO_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(${PROJECT_SOURCE_DIR}/scripts/cmake/cofferdam.pc.in ${PROJECT_BINARY_DIR}/cofferdam.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/cofferdam.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT library)
