# Compiler settings that every target shares, and the function that makes the target of one src/ folder.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

add_library(cofferdam_settings INTERFACE)
target_compile_definitions(cofferdam_settings INTERFACE _GNU_SOURCE COFFERDAM_VERSION="${PROJECT_VERSION}")
target_compile_options(cofferdam_settings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast -fstack-protector-strong
  -ffunction-sections -fdata-sections)
if(COFFERDAM_WERROR)
  target_compile_options(cofferdam_settings INTERFACE -Werror)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_definitions(cofferdam_settings INTERFACE _FORTIFY_SOURCE=2)
  # GCC 12 sees overlaps in operator+ of std::string that are not there (GCC bug 105651, mended in 13).
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    target_compile_options(cofferdam_settings INTERFACE -Wno-restrict)
  endif()
endif()
target_include_directories(cofferdam_settings INTERFACE
  ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)

# cofferdam_library(<folder> [LINKS folder...] [LIBRARIES target...]): the static library of src/<folder>.
function(cofferdam_library folder)
  cmake_parse_arguments(ARG "" "" "LINKS;LIBRARIES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS
       ${PROJECT_SOURCE_DIR}/src/${folder}/*.cpp ${PROJECT_SOURCE_DIR}/src/${folder}/*.hpp)
  if(folder STREQUAL "policy")
    list(APPEND sources ${COFFERDAM_EMBEDDED_POLICIES})
  endif()
  add_library(cofferdam_${folder} STATIC ${sources})
  add_library(cofferdam::${folder} ALIAS cofferdam_${folder})
  set_target_properties(cofferdam_${folder} PROPERTIES LINKER_LANGUAGE CXX)
  target_link_libraries(cofferdam_${folder} PUBLIC cofferdam_settings)
  foreach(link IN LISTS ARG_LINKS)
    target_link_libraries(cofferdam_${folder} PUBLIC cofferdam::${link})
  endforeach()
  target_link_libraries(cofferdam_${folder} PRIVATE ${ARG_LIBRARIES})
endfunction()
