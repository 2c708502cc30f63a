# Compiler flags of our own code: warnings are errors, nothing is exported by accident, arithmetic is as written.
option(NGD_WERROR "Treat warnings as errors" ${PROJECT_IS_TOP_LEVEL})
set(NGD_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize= (address,undefined or thread)")

add_library(ngd_flags INTERFACE)
# Names that the loader would make unique in the whole process have no place in a private object.
include(CheckCXXCompilerFlag)
check_cxx_compiler_flag(-fno-gnu-unique NGD_HAS_NO_GNU_UNIQUE)
if(NGD_HAS_NO_GNU_UNIQUE)
  target_compile_options(ngd_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fno-gnu-unique>)
endif()
target_compile_options(ngd_flags INTERFACE -Wall -Wextra -Wshadow -Wpointer-arith -Wcast-qual -Wvla
  # -Wno-restrict: gcc 12 warns of impossible lengths inside std::string (its bug 105651).
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Woverloaded-virtual -fvisibility-inlines-hidden -Wno-restrict>
  $<$<BOOL:${NGD_WERROR}>:-Werror>
  # -ffp-contract=off: the same result whether or not the CPU can fuse a multiply and an add.
  -fvisibility=hidden -ffp-contract=off -fno-math-errno -fno-trapping-math
  -ffile-prefix-map=${CMAKE_CURRENT_SOURCE_DIR}=.)
if(NGD_SANITIZE)
  target_compile_options(ngd_flags INTERFACE -fsanitize=${NGD_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  target_link_options(ngd_flags INTERFACE -fsanitize=${NGD_SANITIZE})
endif()
