# The module libngd_coord_etcd.so, which libngd opens for coordinators whose address begins with etcd://. It alone needs libcurl;
# where there is none it is not built, and libngd says what is missing when it is asked for it.
find_package(CURL 7.68 QUIET)
if(NOT CURL_FOUND)
  message(STATUS "Not built: the coordinator etcd, for want of libcurl (libcurl4-openssl-dev)")
  return()
endif()
file(GLOB ngd_etcd_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/src/coordinator/etcd/*.cc)
add_library(ngd_coord_etcd MODULE ${ngd_etcd_sources} src/base/error.cc src/base/text.cc src/base/thread.cc)
target_compile_features(ngd_coord_etcd PRIVATE cxx_std_20)
target_include_directories(ngd_coord_etcd PRIVATE src include)
target_include_directories(ngd_coord_etcd SYSTEM PRIVATE ${CURL_INCLUDE_DIRS})
target_compile_options(ngd_coord_etcd PRIVATE $<$<CONFIG:Release>:-Os>)
target_link_libraries(ngd_coord_etcd PRIVATE ngd_flags ${CURL_LIBRARIES} Threads::Threads)
# In the folder ngd beside libngd.so, in the build tree as where it is installed.
set_target_properties(ngd_coord_etcd PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/ngd
                      LINK_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/src/coordinator/etcd/module.map)
target_link_options(ngd_coord_etcd PRIVATE -Wl,--version-script=${CMAKE_CURRENT_SOURCE_DIR}/src/coordinator/etcd/module.map
                    -Wl,-z,nodelete -Wl,-z,relro -Wl,-z,now -Wl,--as-needed)
if(NGD_INSTALL)
  install(TARGETS ngd_coord_etcd LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/ngd COMPONENT coordinator_etcd)
endif()
